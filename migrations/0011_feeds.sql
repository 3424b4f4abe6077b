CREATE TABLE "feeds" (
	"key" text PRIMARY KEY NOT NULL,
	"description" text NOT NULL,
	"source" text NOT NULL,
	"kind" text NOT NULL,
	"mode" text NOT NULL,
	"delimiter" text NOT NULL,
	"control_field" text,
	"categories" text[],
	"max_close_percent" integer NOT NULL,
	"version" bigint NOT NULL,
	"updated_at" timestamp(6) with time zone NOT NULL,
	CONSTRAINT "feeds_mode_check" CHECK ("feeds"."mode" in ('upsert', 'delta', 'snapshot')),
	CONSTRAINT "feeds_max_close_percent_check" CHECK ("feeds"."max_close_percent" between 0 and 100)
);
--> statement-breakpoint
CREATE TABLE "import_mentions" (
	"import_id" uuid NOT NULL,
	"number_index" text NOT NULL,
	CONSTRAINT "import_mentions_pkey" PRIMARY KEY("import_id","number_index")
);
--> statement-breakpoint
ALTER TABLE "imports" DROP CONSTRAINT "imports_state_check";--> statement-breakpoint
ALTER TABLE "imports" ADD COLUMN "control_field" text;--> statement-breakpoint
ALTER TABLE "imports" ADD COLUMN "mode" text DEFAULT 'upsert' NOT NULL;--> statement-breakpoint
ALTER TABLE "imports" ADD COLUMN "delimiter" text DEFAULT 'comma' NOT NULL;--> statement-breakpoint
ALTER TABLE "imports" ADD COLUMN "is_correction" boolean DEFAULT false NOT NULL;--> statement-breakpoint
ALTER TABLE "imports" ADD COLUMN "checked_chunk" integer DEFAULT -1 NOT NULL;--> statement-breakpoint
ALTER TABLE "imports" ADD COLUMN "checked_amount" numeric DEFAULT '0' NOT NULL;--> statement-breakpoint
ALTER TABLE "imports" ADD COLUMN "unreadable_rows" bigint DEFAULT 0 NOT NULL;--> statement-breakpoint
ALTER TABLE "imports" ADD COLUMN "checked_at" timestamp(6) with time zone;--> statement-breakpoint
ALTER TABLE "imports" ADD COLUMN "plan" jsonb;--> statement-breakpoint
ALTER TABLE "imports" ADD COLUMN "closed_rows" bigint DEFAULT 0 NOT NULL;--> statement-breakpoint
ALTER TABLE "imports" ADD COLUMN "evaluated_at" timestamp(6) with time zone;--> statement-breakpoint
CREATE INDEX "imports_feed_idx" ON "imports" USING btree ("feed","business_date") WHERE feed is not null;--> statement-breakpoint
CREATE INDEX "imports_unevaluated_idx" ON "imports" USING btree ("finished_at") WHERE feed is not null and state = 'completed' and evaluated_at is null and not dry_run;--> statement-breakpoint
ALTER TABLE "imports" ADD CONSTRAINT "imports_mode_check" CHECK ("imports"."mode" in ('upsert', 'delta', 'snapshot'));--> statement-breakpoint
ALTER TABLE "imports" ADD CONSTRAINT "imports_state_check" CHECK ("imports"."state" in ('receiving', 'queued', 'running', 'waiting', 'completed', 'failed', 'cancelled'));