CREATE TABLE "loyalty_closings" (
	"programme" text NOT NULL,
	"until_at" timestamp(6) with time zone NOT NULL,
	"lots" bigint NOT NULL,
	"debts" bigint NOT NULL,
	"issued" bigint NOT NULL,
	"redeemed" bigint NOT NULL,
	"expired" bigint NOT NULL,
	"cancelled" bigint NOT NULL,
	CONSTRAINT "loyalty_closings_pkey" PRIMARY KEY("programme","until_at")
);
--> statement-breakpoint
CREATE TABLE "loyalty_openings" (
	"reference" text NOT NULL,
	"programme" text NOT NULL,
	"operation_id" uuid NOT NULL,
	"content_hash" "bytea" NOT NULL,
	"recorded_at" timestamp(6) with time zone NOT NULL,
	CONSTRAINT "loyalty_openings_pkey" PRIMARY KEY("reference","programme")
);
--> statement-breakpoint
CREATE TABLE "loyalty_orders" (
	"customer_id" uuid NOT NULL,
	"order_id" uuid NOT NULL,
	"programme" text NOT NULL,
	"reward" text NOT NULL,
	"reward_version" integer NOT NULL,
	"points" bigint NOT NULL,
	"status" text NOT NULL,
	"version" integer NOT NULL,
	"hold_id" uuid NOT NULL,
	"operation_id" uuid,
	"code_id" uuid,
	"reserved_at" timestamp(6) with time zone NOT NULL,
	"expires_at" timestamp(6) with time zone NOT NULL,
	"issued_at" timestamp(6) with time zone,
	"ended_at" timestamp(6) with time zone,
	"cause" text,
	"reason" text,
	"origin_customer_id" uuid,
	CONSTRAINT "loyalty_orders_pkey" PRIMARY KEY("customer_id","order_id"),
	CONSTRAINT "loyalty_orders_status_check" CHECK ("loyalty_orders"."status" in ('reserved', 'issued', 'cancelled', 'refunded')),
	CONSTRAINT "loyalty_orders_cause_check" CHECK ("loyalty_orders"."cause" in ('asked', 'timed_out'))
);
--> statement-breakpoint
CREATE TABLE "loyalty_reward_codes" (
	"programme" text NOT NULL,
	"reward" text NOT NULL,
	"code_id" uuid NOT NULL,
	"code_sealed" "bytea" NOT NULL,
	"code_key_id" text NOT NULL,
	"code_index" text NOT NULL,
	"added_at" timestamp(6) with time zone NOT NULL,
	"order_id" uuid,
	CONSTRAINT "loyalty_reward_codes_pkey" PRIMARY KEY("programme","reward","code_id")
);
--> statement-breakpoint
CREATE TABLE "loyalty_reward_stock" (
	"programme" text NOT NULL,
	"reward" text NOT NULL,
	"stock" bigint,
	"taken" bigint NOT NULL,
	CONSTRAINT "loyalty_reward_stock_pkey" PRIMARY KEY("programme","reward"),
	CONSTRAINT "loyalty_reward_stock_taken_check" CHECK ("loyalty_reward_stock"."taken" >= 0 and ("loyalty_reward_stock"."stock" is null or "loyalty_reward_stock"."taken" <= "loyalty_reward_stock"."stock"))
);
--> statement-breakpoint
CREATE TABLE "loyalty_reward_versions" (
	"programme" text NOT NULL,
	"reward" text NOT NULL,
	"version" integer NOT NULL,
	"content" jsonb NOT NULL,
	"created_at" timestamp(6) with time zone NOT NULL,
	"created_by" text NOT NULL,
	CONSTRAINT "loyalty_reward_versions_pkey" PRIMARY KEY("programme","reward","version")
);
--> statement-breakpoint
CREATE TABLE "loyalty_rewards" (
	"programme" text NOT NULL,
	"reward" text NOT NULL,
	"version" integer NOT NULL,
	"delivery" text NOT NULL,
	"created_at" timestamp(6) with time zone NOT NULL,
	CONSTRAINT "loyalty_rewards_pkey" PRIMARY KEY("programme","reward"),
	CONSTRAINT "loyalty_rewards_delivery_check" CHECK ("loyalty_rewards"."delivery" in ('code', 'manual'))
);
--> statement-breakpoint
ALTER TABLE "imports" DROP CONSTRAINT "imports_kind_check";--> statement-breakpoint
ALTER TABLE "loyalty_orders" ADD CONSTRAINT "loyalty_orders_customer_id_fkey" FOREIGN KEY ("customer_id") REFERENCES "public"."customers"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "loyalty_reward_versions" ADD CONSTRAINT "loyalty_reward_versions_programme_reward_fkey" FOREIGN KEY ("programme","reward") REFERENCES "public"."loyalty_rewards"("programme","reward") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "loyalty_rewards" ADD CONSTRAINT "loyalty_rewards_programme_fkey" FOREIGN KEY ("programme") REFERENCES "public"."loyalty_programmes"("key") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
CREATE INDEX "loyalty_orders_programme_idx" ON "loyalty_orders" USING btree ("customer_id","programme","order_id");--> statement-breakpoint
CREATE INDEX "loyalty_orders_hold_idx" ON "loyalty_orders" USING btree ("customer_id","hold_id");--> statement-breakpoint
CREATE INDEX "loyalty_orders_reserved_idx" ON "loyalty_orders" USING btree ("expires_at") WHERE status = 'reserved';--> statement-breakpoint
CREATE UNIQUE INDEX "loyalty_reward_codes_code_index_key" ON "loyalty_reward_codes" USING btree ("programme","reward","code_index");--> statement-breakpoint
CREATE INDEX "loyalty_reward_codes_free_idx" ON "loyalty_reward_codes" USING btree ("programme","reward","code_id") WHERE order_id is null;--> statement-breakpoint
ALTER TABLE "imports" ADD CONSTRAINT "imports_kind_check" CHECK ("imports"."kind" in ('customers', 'holdings', 'activities', 'balances', 'exchange_rates', 'segment_members', 'points'));