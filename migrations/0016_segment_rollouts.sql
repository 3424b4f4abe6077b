CREATE TABLE "membership_drafts" (
	"customer_id" uuid NOT NULL,
	"segment" text NOT NULL,
	"evidence" jsonb NOT NULL,
	CONSTRAINT "membership_drafts_pkey" PRIMARY KEY("customer_id","segment")
);
--> statement-breakpoint
ALTER TABLE "memberships" ADD COLUMN "evidence" jsonb;--> statement-breakpoint
ALTER TABLE "memberships" ADD COLUMN "left_evidence" jsonb;--> statement-breakpoint
ALTER TABLE "segment_versions" ADD COLUMN "member_events" boolean DEFAULT false NOT NULL;--> statement-breakpoint
ALTER TABLE "segment_versions" ADD COLUMN "started_at" timestamp(6) with time zone;--> statement-breakpoint
ALTER TABLE "segment_versions" ADD COLUMN "evaluated" bigint DEFAULT 0 NOT NULL;--> statement-breakpoint
ALTER TABLE "segment_versions" ADD COLUMN "total" bigint;--> statement-breakpoint
ALTER TABLE "segment_versions" ADD COLUMN "entered" bigint;--> statement-breakpoint
ALTER TABLE "segment_versions" ADD COLUMN "left" bigint;--> statement-breakpoint
ALTER TABLE "segments" ADD COLUMN "live_version" integer;--> statement-breakpoint
-- what was told that everybody is marked to be judged by it answers; what was under way begins anew, beside nothing
UPDATE "segments" AS s SET "live_version" = s."version" FROM "segment_versions" AS v
WHERE s."kind" = 'rule' AND v."segment" = s."key" AND v."version" = s."version" AND v."completed_at" IS NOT NULL;
