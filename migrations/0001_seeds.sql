-- Definitions to begin with. Each is the bank's own to edit or delete.
INSERT INTO identifier_schemes (key, name, normaliser, sensitive, path_safe) VALUES
  ('core_banking', 'Customer number of the core banking system', 'upper', false, true),
  ('national_id', 'Resident identity number (GB 11643)', 'cn_resident_id', true, false),
  ('passport', 'Passport number', 'upper', true, false),
  ('uscc', 'Unified social credit code (GB 32100)', 'cn_uscc', false, true),
  ('crm', 'Record number of another customer system', 'none', false, true);
--> statement-breakpoint
INSERT INTO relationship_types (role, reciprocal_role, name) VALUES
  ('household_member', 'household_member', 'Member of the same household'),
  ('spouse', 'spouse', 'Spouse'),
  ('parent', 'child', 'Parent'),
  ('child', 'parent', 'Child'),
  ('employer', 'employee', 'Employer'),
  ('employee', 'employer', 'Employee'),
  ('guarantor', 'guaranteed', 'Guarantor'),
  ('guaranteed', 'guarantor', 'Guaranteed party'),
  ('legal_representative', 'represented_organization', 'Legal representative'),
  ('represented_organization', 'legal_representative', 'Organization represented');
--> statement-breakpoint
INSERT INTO segments (key, name, description, kind, version, created_at, updated_at) VALUES
  ('high_net_worth', 'High net worth', 'Financial net assets above 1,000,000 in the bank''s currency: the regulator''s lowest bound for a high-net-worth individual.', 'rule', 1, '2026-01-01T00:00:00Z', '2026-01-01T00:00:00Z'),
  ('new', 'New', 'With the bank for less than 90 days.', 'rule', 1, '2026-01-01T00:00:00Z', '2026-01-01T00:00:00Z'),
  ('ordinary', 'Ordinary', 'With the bank for 90 days or more, and not above the high-net-worth bound.', 'rule', 1, '2026-01-01T00:00:00Z', '2026-01-01T00:00:00Z');
--> statement-breakpoint
INSERT INTO segment_versions (segment, version, rule, reads, created_at, created_by, completed_at) VALUES
  ('high_net_worth', 1, '{"fact": "holdings.net", "op": "gt", "value": "1000000"}', '{holdings}', '2026-01-01T00:00:00Z', 'system', '2026-01-01T00:00:00Z'),
  ('new', 1, '{"fact": "tenure_days", "op": "lt", "value": 90}', '{customer,holdings}', '2026-01-01T00:00:00Z', 'system', '2026-01-01T00:00:00Z'),
  ('ordinary', 1, '{"all": [{"fact": "tenure_days", "op": "gte", "value": 90}, {"not": {"fact": "holdings.net", "op": "gt", "value": "1000000"}}]}', '{customer,holdings}', '2026-01-01T00:00:00Z', 'system', '2026-01-01T00:00:00Z');
--> statement-breakpoint
INSERT INTO outbox_head (id, sequence) VALUES (1, 0);
--> statement-breakpoint
INSERT INTO review_leases (bucket, token, leased_until) SELECT n, 0, '2026-01-01T00:00:00Z' FROM generate_series(0, 15) AS n;
