CREATE TABLE "holding_statuses" (
	"customer_id" uuid NOT NULL,
	"id" uuid NOT NULL,
	"holding_id" uuid NOT NULL,
	"status" text NOT NULL,
	"reason" text,
	"source_time" timestamp(6) with time zone,
	"recorded_at" timestamp(6) with time zone NOT NULL,
	"origin_customer_id" uuid,
	CONSTRAINT "holding_statuses_pkey" PRIMARY KEY("customer_id","id")
);
--> statement-breakpoint
ALTER TABLE "holdings" ADD COLUMN "status_reason" text;--> statement-breakpoint
ALTER TABLE "holding_statuses" ADD CONSTRAINT "holding_statuses_customer_id_fkey" FOREIGN KEY ("customer_id") REFERENCES "public"."customers"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
CREATE INDEX "holding_statuses_holding_id_idx" ON "holding_statuses" USING btree ("customer_id","holding_id","id");
--> statement-breakpoint
INSERT INTO "holding_statuses" ("customer_id", "id", "holding_id", "status", "source_time", "recorded_at")
SELECT "customer_id", "id", "id", "status", "source_time", "recorded_at" FROM "holdings";
