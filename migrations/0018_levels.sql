CREATE TABLE "customer_levels" (
	"customer_id" uuid NOT NULL,
	"from_at" timestamp(6) with time zone NOT NULL,
	"to_at" timestamp(6) with time zone,
	"level" text NOT NULL,
	"rank" integer NOT NULL,
	"model_version" integer NOT NULL,
	"since_at" timestamp(6) with time zone NOT NULL,
	"cause" text NOT NULL,
	"decided_at" timestamp(6) with time zone NOT NULL,
	"evidence" jsonb NOT NULL,
	CONSTRAINT "customer_levels_pkey" PRIMARY KEY("customer_id","from_at"),
	CONSTRAINT "customer_levels_to_at_check" CHECK ("customer_levels"."to_at" > "customer_levels"."from_at"),
	CONSTRAINT "customer_levels_cause_check" CHECK ("customer_levels"."cause" in ('month_close', 'at_once', 'correction', 'model', 'policy', 'merge'))
);
--> statement-breakpoint
CREATE TABLE "late_balances" (
	"customer_id" uuid PRIMARY KEY NOT NULL,
	"since_date" date NOT NULL,
	"cause" text NOT NULL,
	"marked_at" timestamp(6) with time zone NOT NULL,
	CONSTRAINT "late_balances_cause_check" CHECK ("late_balances"."cause" in ('correction', 'merge'))
);
--> statement-breakpoint
CREATE TABLE "late_rates" (
	"currency" text PRIMARY KEY NOT NULL,
	"since_date" date NOT NULL,
	"marked_to" uuid,
	"marked_at" timestamp(6) with time zone NOT NULL
);
--> statement-breakpoint
CREATE TABLE "level_models" (
	"version" integer PRIMARY KEY NOT NULL,
	"content" jsonb NOT NULL,
	"created_at" timestamp(6) with time zone NOT NULL,
	"created_by" text NOT NULL
);
--> statement-breakpoint
CREATE TABLE "level_rounds" (
	"number" integer PRIMARY KEY NOT NULL,
	"kind" text NOT NULL,
	"until_date" date NOT NULL,
	"effective_at" timestamp(6) with time zone NOT NULL,
	"model_version" integer NOT NULL,
	"policy_version" integer NOT NULL,
	"graded_to" uuid,
	"completed_at" timestamp(6) with time zone,
	CONSTRAINT "level_rounds_kind_check" CHECK ("level_rounds"."kind" in ('first', 'close', 'day', 'model', 'policy'))
);
--> statement-breakpoint
CREATE TABLE "monthly_averages" (
	"customer_id" uuid NOT NULL,
	"month" date NOT NULL,
	"known_from" timestamp(6) with time zone NOT NULL,
	"known_to" timestamp(6) with time zone,
	"aum" numeric,
	"net" numeric,
	"unvalued" integer NOT NULL,
	"recorded_at" timestamp(6) with time zone NOT NULL,
	CONSTRAINT "monthly_averages_pkey" PRIMARY KEY("customer_id","month","known_from"),
	CONSTRAINT "monthly_averages_known_to_check" CHECK ("monthly_averages"."known_to" > "monthly_averages"."known_from")
);
--> statement-breakpoint
ALTER TABLE "customer_levels" ADD CONSTRAINT "customer_levels_customer_id_fkey" FOREIGN KEY ("customer_id") REFERENCES "public"."customers"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "monthly_averages" ADD CONSTRAINT "monthly_averages_customer_id_fkey" FOREIGN KEY ("customer_id") REFERENCES "public"."customers"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
CREATE UNIQUE INDEX "customer_levels_open_key" ON "customer_levels" USING btree ("customer_id") WHERE to_at is null;--> statement-breakpoint
CREATE INDEX "late_balances_marked_at_idx" ON "late_balances" USING btree ("marked_at");--> statement-breakpoint
CREATE UNIQUE INDEX "monthly_averages_open_key" ON "monthly_averages" USING btree ("customer_id","month") WHERE known_to is null;--> statement-breakpoint
INSERT INTO "level_models" ("version", "content", "created_at", "created_by")
VALUES (1, '{
  "measure": "aum",
  "settle_days": 1,
  "movement": { "up": "next_month", "months_below": 3, "watch_months": 0, "down_to": "last_month" },
  "levels": [
    { "key": "basic", "name": "Basic", "lower_bound": null, "movement": null,
      "description": "Everybody who holds something." },
    { "key": "affluent", "name": "Affluent", "lower_bound": "300000", "movement": null,
      "description": "From 300,000: the bank''s own choice, no regulator''s bound. Change it." },
    { "key": "high_net_worth", "name": "High net worth", "lower_bound": "1000000", "movement": null,
      "description": "From 1,000,000 in yuan: the bound of the regulator''s high-net-worth customers, which is about financial net assets above it, or income." },
    { "key": "private_bank", "name": "Private banking", "lower_bound": "6000000",
      "movement": { "up": "next_month", "months_below": 6, "watch_months": 0, "down_to": "last_month" },
      "description": "From 6,000,000 in yuan: the bound of the regulator''s private-bank customers, which is about financial net assets." }
  ]
}', '2026-01-01T00:00:00Z', 'system:migration');
