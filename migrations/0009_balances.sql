CREATE TABLE "holding_balances" (
	"customer_id" uuid NOT NULL,
	"holding_id" uuid NOT NULL,
	"from_date" date NOT NULL,
	"to_date" date,
	"amount" numeric,
	"currency" text NOT NULL,
	"days" date[] NOT NULL,
	"source_micros" bigint[] NOT NULL,
	"recorded_micros" bigint[] NOT NULL,
	"origin_customer_id" uuid,
	CONSTRAINT "holding_balances_pkey" PRIMARY KEY("customer_id","holding_id","from_date"),
	CONSTRAINT "holding_balances_to_date_check" CHECK ("holding_balances"."to_date" > "holding_balances"."from_date")
);
--> statement-breakpoint
CREATE TABLE "superseded_balances" (
	"customer_id" uuid NOT NULL,
	"id" uuid NOT NULL,
	"holding_id" uuid NOT NULL,
	"business_date" date NOT NULL,
	"amount" numeric,
	"currency" text NOT NULL,
	"source_micros" bigint NOT NULL,
	"recorded_micros" bigint NOT NULL,
	"superseded_micros" bigint NOT NULL,
	"origin_customer_id" uuid,
	CONSTRAINT "superseded_balances_pkey" PRIMARY KEY("customer_id","id")
);
--> statement-breakpoint
ALTER TABLE "holding_balances" ADD CONSTRAINT "holding_balances_customer_id_fkey" FOREIGN KEY ("customer_id") REFERENCES "public"."customers"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "superseded_balances" ADD CONSTRAINT "superseded_balances_customer_id_fkey" FOREIGN KEY ("customer_id") REFERENCES "public"."customers"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
CREATE INDEX "superseded_balances_holding_id_idx" ON "superseded_balances" USING btree ("customer_id","holding_id","business_date");
--> statement-breakpoint
INSERT INTO "holding_balances" ("customer_id", "holding_id", "from_date", "amount", "currency", "days", "source_micros", "recorded_micros")
SELECT "customer_id", "id", "balance_date", "balance", "currency", ARRAY["balance_date"],
	ARRAY[(extract(epoch from coalesce("source_time", "recorded_at")) * 1000000)::bigint],
	ARRAY[(extract(epoch from "recorded_at") * 1000000)::bigint]
FROM "holdings" WHERE "balance" IS NOT NULL AND "balance_date" IS NOT NULL;
