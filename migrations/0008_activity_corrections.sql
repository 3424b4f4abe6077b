CREATE TABLE "activity_reversals" (
	"source" text NOT NULL,
	"source_id" text NOT NULL,
	"reversal_source_id" text NOT NULL,
	"amount" numeric,
	"same_customer" boolean NOT NULL,
	CONSTRAINT "activity_reversals_pkey" PRIMARY KEY("source","source_id","reversal_source_id")
);
--> statement-breakpoint
CREATE TABLE "activity_versions" (
	"source" text NOT NULL,
	"source_id" text NOT NULL,
	"activity_id" uuid NOT NULL,
	"customer_id" uuid NOT NULL,
	"occurred_at" timestamp(6) with time zone NOT NULL,
	"content_hash" "bytea" NOT NULL,
	"source_version" bigint NOT NULL,
	CONSTRAINT "activity_versions_pkey" PRIMARY KEY("source","source_id","activity_id")
);
--> statement-breakpoint
ALTER TABLE "activities" DROP CONSTRAINT "activities_state_check";--> statement-breakpoint
ALTER TABLE "activities" ADD COLUMN "reverses_source_id" text;--> statement-breakpoint
ALTER TABLE "activities" ADD COLUMN "reverses_amount" numeric;--> statement-breakpoint
ALTER TABLE "activities" ADD COLUMN "reversed_amount" numeric;--> statement-breakpoint
ALTER TABLE "activities" ADD COLUMN "reversed_reporting_amount" numeric;--> statement-breakpoint
ALTER TABLE "activities" ADD COLUMN "superseded_by" uuid;--> statement-breakpoint
ALTER TABLE "activity_keys" ADD COLUMN "reverses_source_id" text;--> statement-breakpoint
ALTER TABLE "activities" ADD CONSTRAINT "activities_state_check" CHECK ("activities"."state" in ('current', 'superseded', 'reversed', 'reversal')) NOT VALID;