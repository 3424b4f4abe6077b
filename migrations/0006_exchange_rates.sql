CREATE TABLE "exchange_rates" (
	"id" uuid PRIMARY KEY NOT NULL,
	"currency" text NOT NULL,
	"business_date" date NOT NULL,
	"rate" numeric NOT NULL,
	"source" text NOT NULL,
	"recorded_at" timestamp(6) with time zone NOT NULL,
	"superseded_at" timestamp(6) with time zone,
	CONSTRAINT "exchange_rates_rate_check" CHECK ("exchange_rates"."rate" > 0)
);
--> statement-breakpoint
CREATE TABLE "latest_rates" (
	"currency" text PRIMARY KEY NOT NULL,
	"rate_id" uuid NOT NULL,
	"rate" numeric NOT NULL,
	"business_date" date NOT NULL,
	"changed_at" timestamp(6) with time zone NOT NULL,
	"marked_to" uuid,
	"marked_at" timestamp(6) with time zone
);
--> statement-breakpoint
CREATE TABLE "unvalued_days" (
	"currency" text NOT NULL,
	"business_date" date NOT NULL,
	CONSTRAINT "unvalued_days_pkey" PRIMARY KEY("currency","business_date")
);
--> statement-breakpoint
ALTER TABLE "imports" DROP CONSTRAINT "imports_kind_check";--> statement-breakpoint
ALTER TABLE "activities" ADD COLUMN "rate_id" uuid;--> statement-breakpoint
CREATE UNIQUE INDEX "exchange_rates_standing_key" ON "exchange_rates" USING btree ("currency","business_date") WHERE superseded_at is null;--> statement-breakpoint
CREATE INDEX "exchange_rates_business_date_idx" ON "exchange_rates" USING btree ("business_date","id");--> statement-breakpoint
CREATE INDEX "activities_unvalued_idx" ON "activities" USING btree ("currency","business_date") WHERE state = 'current' and reporting_amount is null and amount is not null;--> statement-breakpoint
CREATE INDEX "holdings_currency_idx" ON "holdings" USING btree ("currency","customer_id") WHERE status <> 'closed';--> statement-breakpoint
ALTER TABLE "imports" ADD CONSTRAINT "imports_kind_check" CHECK ("imports"."kind" in ('customers', 'holdings', 'activities', 'balances', 'exchange_rates'));