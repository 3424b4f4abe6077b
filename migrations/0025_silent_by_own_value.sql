-- The preset for silent customers says what it means, now that a rule can: a share of the customer's own maximum, not two
-- amounts that come to it. A bank that has customers, or has edited the segment, keeps its own.
WITH changed AS (
  UPDATE segment_versions SET rule =
    '{"all": [{"fact": "stub", "op": "eq", "value": false}, {"fact": "status", "op": "in", "value": ["prospect", "active"]}, {"holds_for": {"periods": 2, "of": "month", "condition": {"all": [{"balance": "aum", "measure": "average", "window": {"calendar": "month"}, "op": "lt", "value": "1000"}, {"balance": "aum", "measure": "average", "window": {"calendar": "month"}, "op": "lt", "value": {"times": "0.2", "of": {"balance": "aum", "measure": "max", "window": {"calendar": "month", "periods": 6}}}}]}}}]}'
  WHERE segment = 'silent' AND version = 1 AND NOT EXISTS (SELECT FROM customers) AND rule =
    '{"all": [{"fact": "stub", "op": "eq", "value": false}, {"fact": "status", "op": "in", "value": ["prospect", "active"]}, {"holds_for": {"periods": 2, "of": "month", "condition": {"balance": "aum", "measure": "average", "window": {"calendar": "month"}, "op": "lt", "value": "1000"}}}, {"not": {"holds_for": {"periods": 6, "of": "month", "condition": {"not": {"balance": "aum", "measure": "max", "window": {"calendar": "month"}, "op": "gte", "value": "5000"}}}}}]}'
    AND EXISTS (SELECT FROM segments WHERE key = 'silent' AND version = 1 AND deleted_at IS NULL)
  RETURNING segment
)
UPDATE segments SET description = 'Behavioural. Average assets below 20 percent of their maximum of the six months up to then, and below 1,000, in each of the last two closed months. A preset for silent customers; there is no definition in law. Not a closed relationship, and no forecast.' FROM changed WHERE key = changed.segment;
