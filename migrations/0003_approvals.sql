CREATE TABLE "approval_policies" (
	"operation" text PRIMARY KEY NOT NULL,
	"required" boolean NOT NULL,
	"threshold" bigint,
	"expires_after" text NOT NULL,
	"version" integer NOT NULL,
	"updated_at" timestamp(6) with time zone NOT NULL,
	"updated_by" text NOT NULL
);
--> statement-breakpoint
CREATE TABLE "approvals" (
	"id" uuid PRIMARY KEY NOT NULL,
	"operation" text NOT NULL,
	"scope" text NOT NULL,
	"subject_type" text NOT NULL,
	"subject_id" text NOT NULL,
	"customers" uuid[] NOT NULL,
	"content_sealed" "bytea" NOT NULL,
	"plan_hash" text NOT NULL,
	"state" text NOT NULL,
	"requested_by" text NOT NULL,
	"requested_at" timestamp(6) with time zone NOT NULL,
	"expires_at" timestamp(6) with time zone NOT NULL,
	"decided_by" text,
	"decided_at" timestamp(6) with time zone,
	"reason_sealed" "bytea",
	"result_sealed" "bytea",
	"version" integer NOT NULL,
	CONSTRAINT "approvals_state_check" CHECK ("approvals"."state" in ('pending', 'executed', 'failed', 'rejected', 'withdrawn', 'expired')),
	CONSTRAINT "approvals_decided_by_check" CHECK ("approvals"."decided_by" is null or "approvals"."state" = 'withdrawn' or "approvals"."decided_by" <> "approvals"."requested_by")
);
--> statement-breakpoint
CREATE INDEX "approvals_state_idx" ON "approvals" USING btree ("state","id");--> statement-breakpoint
CREATE INDEX "approvals_expires_at_idx" ON "approvals" USING btree ("expires_at") WHERE state = 'pending';