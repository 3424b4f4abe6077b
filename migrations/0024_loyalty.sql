CREATE TABLE "loyalty_accounts" (
	"customer_id" uuid NOT NULL,
	"account_id" uuid NOT NULL,
	"programme" text NOT NULL,
	"status" text NOT NULL,
	"enrolled_at" timestamp(6) with time zone NOT NULL,
	"closed_at" timestamp(6) with time zone,
	"version" integer NOT NULL,
	"last_number" integer NOT NULL,
	"outstanding" bigint NOT NULL,
	"held" bigint NOT NULL,
	"debt" bigint NOT NULL,
	"next_due_at" timestamp(6) with time zone,
	"origin_customer_id" uuid,
	CONSTRAINT "loyalty_accounts_pkey" PRIMARY KEY("customer_id","account_id"),
	CONSTRAINT "loyalty_accounts_status_check" CHECK ("loyalty_accounts"."status" in ('open', 'closed')),
	CONSTRAINT "loyalty_accounts_held_check" CHECK ("loyalty_accounts"."held" >= 0),
	CONSTRAINT "loyalty_accounts_debt_check" CHECK ("loyalty_accounts"."debt" >= 0)
);
--> statement-breakpoint
CREATE TABLE "loyalty_entries" (
	"customer_id" uuid NOT NULL,
	"account_id" uuid NOT NULL,
	"number" integer NOT NULL,
	"programme" text NOT NULL,
	"operation_id" uuid NOT NULL,
	"kind" text NOT NULL,
	"points" bigint NOT NULL,
	"balance_after" bigint NOT NULL,
	"booked_at" timestamp(6) with time zone NOT NULL,
	"recorded_at" timestamp(6) with time zone NOT NULL,
	"actor" text NOT NULL,
	"reason" text,
	"reference" jsonb,
	"reverses_id" uuid,
	"origin_customer_id" uuid,
	CONSTRAINT "loyalty_entries_pkey" PRIMARY KEY("customer_id","account_id","number"),
	CONSTRAINT "loyalty_entries_kind_check" CHECK ("loyalty_entries"."kind" in ('accrual', 'opening', 'adjustment', 'redemption', 'refund', 'expiry', 'reversal', 'transfer_out', 'transfer_in', 'closing'))
);
--> statement-breakpoint
CREATE TABLE "loyalty_hold_lots" (
	"customer_id" uuid NOT NULL,
	"hold_id" uuid NOT NULL,
	"account_id" uuid NOT NULL,
	"lot_id" uuid NOT NULL,
	"points" bigint NOT NULL,
	"origin_customer_id" uuid,
	CONSTRAINT "loyalty_hold_lots_pkey" PRIMARY KEY("customer_id","hold_id","account_id","lot_id"),
	CONSTRAINT "loyalty_hold_lots_points_check" CHECK ("loyalty_hold_lots"."points" > 0)
);
--> statement-breakpoint
CREATE TABLE "loyalty_holds" (
	"customer_id" uuid NOT NULL,
	"hold_id" uuid NOT NULL,
	"programme" text NOT NULL,
	"points" bigint NOT NULL,
	"captured" bigint NOT NULL,
	"status" text NOT NULL,
	"created_at" timestamp(6) with time zone NOT NULL,
	"expires_at" timestamp(6) with time zone NOT NULL,
	"resolved_at" timestamp(6) with time zone,
	"operation_id" uuid,
	"reason" text,
	"origin_customer_id" uuid,
	CONSTRAINT "loyalty_holds_pkey" PRIMARY KEY("customer_id","hold_id"),
	CONSTRAINT "loyalty_holds_status_check" CHECK ("loyalty_holds"."status" in ('active', 'captured', 'voided', 'timed_out')),
	CONSTRAINT "loyalty_holds_points_check" CHECK ("loyalty_holds"."points" > 0),
	CONSTRAINT "loyalty_holds_captured_check" CHECK ("loyalty_holds"."captured" between 0 and "loyalty_holds"."points")
);
--> statement-breakpoint
CREATE TABLE "loyalty_lots" (
	"customer_id" uuid NOT NULL,
	"account_id" uuid NOT NULL,
	"lot_id" uuid NOT NULL,
	"programme" text NOT NULL,
	"operation_id" uuid NOT NULL,
	"earned_at" timestamp(6) with time zone NOT NULL,
	"available_at" timestamp(6) with time zone NOT NULL,
	"expires_at" timestamp(6) with time zone,
	"amount" bigint NOT NULL,
	"remaining" bigint NOT NULL,
	"held" bigint NOT NULL,
	"spent" bigint NOT NULL,
	"indebted" bigint NOT NULL,
	"origin_customer_id" uuid,
	CONSTRAINT "loyalty_lots_pkey" PRIMARY KEY("customer_id","account_id","lot_id"),
	CONSTRAINT "loyalty_lots_amount_check" CHECK ("loyalty_lots"."amount" > 0),
	CONSTRAINT "loyalty_lots_remaining_check" CHECK ("loyalty_lots"."remaining" between 0 and "loyalty_lots"."amount"),
	CONSTRAINT "loyalty_lots_held_check" CHECK ("loyalty_lots"."held" between 0 and "loyalty_lots"."remaining"),
	CONSTRAINT "loyalty_lots_spent_check" CHECK ("loyalty_lots"."spent" between 0 and "loyalty_lots"."amount" - "loyalty_lots"."remaining"),
	CONSTRAINT "loyalty_lots_indebted_check" CHECK ("loyalty_lots"."indebted" >= 0)
);
--> statement-breakpoint
CREATE TABLE "loyalty_postings" (
	"customer_id" uuid NOT NULL,
	"account_id" uuid NOT NULL,
	"number" integer NOT NULL,
	"leg" smallint NOT NULL,
	"programme" text NOT NULL,
	"ledger" text NOT NULL,
	"lot_id" uuid,
	"points" bigint NOT NULL,
	"booked_at" timestamp(6) with time zone NOT NULL,
	"origin_customer_id" uuid,
	CONSTRAINT "loyalty_postings_pkey" PRIMARY KEY("customer_id","account_id","number","leg"),
	CONSTRAINT "loyalty_postings_ledger_check" CHECK ("loyalty_postings"."ledger" in ('member', 'issued', 'redeemed', 'expired', 'cancelled')),
	CONSTRAINT "loyalty_postings_points_check" CHECK ("loyalty_postings"."points" <> 0),
	CONSTRAINT "loyalty_postings_lot_id_check" CHECK ("loyalty_postings"."lot_id" is null or "loyalty_postings"."ledger" = 'member')
);
--> statement-breakpoint
CREATE TABLE "loyalty_programme_versions" (
	"programme" text NOT NULL,
	"version" integer NOT NULL,
	"content" jsonb NOT NULL,
	"created_at" timestamp(6) with time zone NOT NULL,
	"created_by" text NOT NULL,
	CONSTRAINT "loyalty_programme_versions_pkey" PRIMARY KEY("programme","version")
);
--> statement-breakpoint
CREATE TABLE "loyalty_programmes" (
	"key" text PRIMARY KEY NOT NULL,
	"version" integer NOT NULL,
	"created_at" timestamp(6) with time zone NOT NULL
);
--> statement-breakpoint
ALTER TABLE "loyalty_accounts" ADD CONSTRAINT "loyalty_accounts_customer_id_fkey" FOREIGN KEY ("customer_id") REFERENCES "public"."customers"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "loyalty_accounts" ADD CONSTRAINT "loyalty_accounts_programme_fkey" FOREIGN KEY ("programme") REFERENCES "public"."loyalty_programmes"("key") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "loyalty_holds" ADD CONSTRAINT "loyalty_holds_customer_id_fkey" FOREIGN KEY ("customer_id") REFERENCES "public"."customers"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "loyalty_programme_versions" ADD CONSTRAINT "loyalty_programme_versions_programme_fkey" FOREIGN KEY ("programme") REFERENCES "public"."loyalty_programmes"("key") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
CREATE UNIQUE INDEX "loyalty_accounts_own_key" ON "loyalty_accounts" USING btree ("customer_id","programme") WHERE origin_customer_id is null;--> statement-breakpoint
CREATE INDEX "loyalty_accounts_programme_idx" ON "loyalty_accounts" USING btree ("programme","customer_id");--> statement-breakpoint
CREATE INDEX "loyalty_accounts_next_due_at_idx" ON "loyalty_accounts" USING btree ("next_due_at") WHERE next_due_at is not null;--> statement-breakpoint
CREATE INDEX "loyalty_entries_statement_idx" ON "loyalty_entries" USING btree ("customer_id","programme","booked_at","account_id","number");--> statement-breakpoint
CREATE INDEX "loyalty_entries_operation_idx" ON "loyalty_entries" USING btree ("customer_id","operation_id");--> statement-breakpoint
CREATE INDEX "loyalty_entries_reverses_idx" ON "loyalty_entries" USING btree ("customer_id","reverses_id") WHERE reverses_id is not null;--> statement-breakpoint
CREATE INDEX "loyalty_holds_active_idx" ON "loyalty_holds" USING btree ("customer_id","programme","expires_at") WHERE status = 'active';--> statement-breakpoint
CREATE INDEX "loyalty_lots_open_idx" ON "loyalty_lots" USING btree ("customer_id","programme","expires_at","earned_at","lot_id") WHERE remaining > 0;--> statement-breakpoint
CREATE INDEX "loyalty_lots_pending_idx" ON "loyalty_lots" USING btree ("customer_id","programme","available_at") WHERE remaining > 0;--> statement-breakpoint
CREATE INDEX "loyalty_lots_expiring_idx" ON "loyalty_lots" USING btree ("programme","expires_at") WHERE remaining > 0 and expires_at is not null;--> statement-breakpoint
CREATE INDEX "loyalty_lots_operation_idx" ON "loyalty_lots" USING btree ("customer_id","operation_id");--> statement-breakpoint
CREATE INDEX "loyalty_postings_programme_idx" ON "loyalty_postings" USING btree ("programme","booked_at");