CREATE TABLE "merged_statements" (
	"customer_id" uuid NOT NULL,
	"origin_customer_id" uuid NOT NULL,
	"source" text NOT NULL,
	"fields" jsonb NOT NULL,
	CONSTRAINT "merged_statements_pkey" PRIMARY KEY("customer_id","origin_customer_id","source")
);
--> statement-breakpoint
CREATE TABLE "sources" (
	"key" text PRIMARY KEY NOT NULL,
	"name" text NOT NULL,
	"description" text NOT NULL,
	"priority" integer NOT NULL,
	"priorities" jsonb NOT NULL,
	"version" integer NOT NULL,
	"updated_at" timestamp(6) with time zone NOT NULL,
	CONSTRAINT "sources_priority_check" CHECK ("sources"."priority" between 0 and 1000)
);
--> statement-breakpoint
CREATE TABLE "merges" (
	"id" uuid PRIMARY KEY NOT NULL,
	"survivor_id" uuid NOT NULL,
	"merged_id" uuid NOT NULL,
	"authority" text NOT NULL,
	"source" text,
	"state" text NOT NULL,
	"survivorship" jsonb NOT NULL,
	"report" jsonb NOT NULL,
	"before_sealed" "bytea" NOT NULL,
	"created_by" text NOT NULL,
	"merged_at" timestamp(6) with time zone NOT NULL,
	"reverted_by" text,
	"reverted_at" timestamp(6) with time zone,
	"version" integer NOT NULL,
	CONSTRAINT "merges_authority_check" CHECK ("merges"."authority" in ('decision', 'source_of_record')),
	CONSTRAINT "merges_state_check" CHECK ("merges"."state" in ('moving', 'merged', 'reverting', 'reverted'))
);
--> statement-breakpoint
ALTER TABLE "contact_points" ADD COLUMN "origin_customer_id" uuid;--> statement-breakpoint
ALTER TABLE "customers" ADD COLUMN "merged_from" uuid[];--> statement-breakpoint
ALTER TABLE "customers" ADD COLUMN "preferred_origins" jsonb;--> statement-breakpoint
ALTER TABLE "identifier_keys" ADD COLUMN "origin_customer_id" uuid;--> statement-breakpoint
ALTER TABLE "identifiers" ADD COLUMN "origin_customer_id" uuid;--> statement-breakpoint
ALTER TABLE "relationships" ADD COLUMN "origin_customer_id" uuid;--> statement-breakpoint
ALTER TABLE "holding_parties" ADD COLUMN "origin_customer_id" uuid;--> statement-breakpoint
ALTER TABLE "holdings" ADD COLUMN "origin_customer_id" uuid;--> statement-breakpoint
ALTER TABLE "review_state" ADD COLUMN "arriving_from" uuid;--> statement-breakpoint
ALTER TABLE "review_state" ADD COLUMN "arriving_origins" uuid[];--> statement-breakpoint
ALTER TABLE "review_state" ADD COLUMN "leaving_origins" uuid[];--> statement-breakpoint
ALTER TABLE "merged_statements" ADD CONSTRAINT "merged_statements_customer_id_fkey" FOREIGN KEY ("customer_id") REFERENCES "public"."customers"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
CREATE INDEX "merges_survivor_id_idx" ON "merges" USING btree ("survivor_id","id");--> statement-breakpoint
CREATE UNIQUE INDEX "merges_merged_id_key" ON "merges" USING btree ("merged_id") WHERE state <> 'reverted';--> statement-breakpoint
CREATE INDEX "merges_state_idx" ON "merges" USING btree ("id") WHERE state in ('moving', 'reverting');