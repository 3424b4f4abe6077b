/** Memberships as they are told. */
export type MemberRow = {
  customer_id: string;
  entered_at: string;
  left_at: string | null;
  rule_version: number;
};

export type CustomerSegmentRow = {
  segment: string;
  name: string;
  entered_at: string;
  left_at: string | null;
  rule_version: number;
  cause: string;
};
