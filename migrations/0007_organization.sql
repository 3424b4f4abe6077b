CREATE TABLE "assignment_transfers" (
	"id" uuid PRIMARY KEY NOT NULL,
	"from_staff" text,
	"from_branch" text,
	"to_staff" text NOT NULL,
	"filter" jsonb NOT NULL,
	"effective_from" timestamp(6) with time zone,
	"reason" text,
	"total" integer NOT NULL,
	"done" integer NOT NULL,
	"done_to" uuid,
	"is_completed" boolean NOT NULL,
	"created_by" text NOT NULL,
	"data_scope" jsonb,
	"created_at" timestamp(6) with time zone NOT NULL,
	"completed_at" timestamp(6) with time zone,
	CONSTRAINT "assignment_transfers_from_staff_check" CHECK (("assignment_transfers"."from_staff" is null) <> ("assignment_transfers"."from_branch" is null))
);
--> statement-breakpoint
CREATE TABLE "assignments" (
	"customer_id" uuid NOT NULL,
	"id" uuid NOT NULL,
	"staff" text NOT NULL,
	"role" text NOT NULL,
	"starts_at" timestamp(6) with time zone NOT NULL,
	"ends_at" timestamp(6) with time zone,
	"reason" text,
	"source" text,
	"assigned_by" text NOT NULL,
	"recorded_at" timestamp(6) with time zone NOT NULL,
	"transfer_id" uuid,
	"due_at" timestamp(6) with time zone,
	"version" integer NOT NULL,
	"origin_customer_id" uuid,
	CONSTRAINT "assignments_pkey" PRIMARY KEY("customer_id","id"),
	CONSTRAINT "assignments_role_check" CHECK ("assignments"."role" in ('primary', 'assistant', 'cover')),
	CONSTRAINT "assignments_ends_at_check" CHECK ("assignments"."ends_at" >= "assignments"."starts_at")
);
--> statement-breakpoint
CREATE TABLE "branches" (
	"code" text PRIMARY KEY NOT NULL,
	"name" text NOT NULL,
	"kind" text NOT NULL,
	"parent" text,
	"opens_on" date NOT NULL,
	"closes_on" date,
	"successor" text,
	"version" integer NOT NULL,
	"updated_at" timestamp(6) with time zone NOT NULL,
	CONSTRAINT "branches_closes_on_check" CHECK ("branches"."closes_on" > "branches"."opens_on"),
	CONSTRAINT "branches_successor_check" CHECK ("branches"."successor" is null or "branches"."closes_on" is not null)
);
--> statement-breakpoint
CREATE TABLE "organization_state" (
	"id" integer PRIMARY KEY NOT NULL,
	"version" bigint NOT NULL,
	CONSTRAINT "organization_state_id_check" CHECK ("organization_state"."id" = 1)
);
--> statement-breakpoint
CREATE TABLE "staff" (
	"code" text PRIMARY KEY NOT NULL,
	"name" text NOT NULL,
	"branch" text,
	"active_from" date NOT NULL,
	"active_to" date,
	"version" integer NOT NULL,
	"updated_at" timestamp(6) with time zone NOT NULL,
	CONSTRAINT "staff_active_to_check" CHECK ("staff"."active_to" > "staff"."active_from")
);
--> statement-breakpoint
ALTER TABLE "audit_entries" ADD COLUMN "on_behalf_of" text;--> statement-breakpoint
ALTER TABLE "outbox" ADD COLUMN "scope_staff" text[];--> statement-breakpoint
ALTER TABLE "assignments" ADD CONSTRAINT "assignments_customer_id_fkey" FOREIGN KEY ("customer_id") REFERENCES "public"."customers"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "branches" ADD CONSTRAINT "branches_parent_fkey" FOREIGN KEY ("parent") REFERENCES "public"."branches"("code") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "branches" ADD CONSTRAINT "branches_successor_fkey" FOREIGN KEY ("successor") REFERENCES "public"."branches"("code") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
CREATE INDEX "assignment_transfers_open_idx" ON "assignment_transfers" USING btree ("id") WHERE not is_completed;--> statement-breakpoint
CREATE INDEX "assignments_id_idx" ON "assignments" USING btree ("id");--> statement-breakpoint
CREATE INDEX "assignments_staff_idx" ON "assignments" USING btree ("staff","customer_id","starts_at","ends_at");--> statement-breakpoint
CREATE INDEX "assignments_due_at_idx" ON "assignments" USING btree ("due_at") WHERE due_at is not null;--> statement-breakpoint
CREATE INDEX "staff_branch_idx" ON "staff" USING btree ("branch","code");--> statement-breakpoint
-- Whom sources have named as manager until now. Who is in a book is told by assignments from here on.
INSERT INTO "assignments" ("customer_id", "id", "staff", "role", "starts_at", "source", "assigned_by", "recorded_at", "version")
SELECT "id", "id", "manager", 'primary', "created_at", 'migration', 'system:migration', "updated_at", 1
FROM "customers" WHERE "manager" IS NOT NULL;
