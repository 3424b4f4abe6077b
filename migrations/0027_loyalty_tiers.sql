CREATE TABLE "loyalty_benefit_uses" (
	"customer_id" uuid NOT NULL,
	"use_id" uuid NOT NULL,
	"programme" text NOT NULL,
	"benefit" text NOT NULL,
	"tier" text NOT NULL,
	"used_at" timestamp(6) with time zone NOT NULL,
	"actor" text NOT NULL,
	"reason" text NOT NULL,
	"reference" jsonb,
	"taken_back_at" timestamp(6) with time zone,
	"taken_back_reason" text,
	"origin_customer_id" uuid,
	CONSTRAINT "loyalty_benefit_uses_pkey" PRIMARY KEY("customer_id","use_id")
);
--> statement-breakpoint
CREATE TABLE "loyalty_tier_days" (
	"customer_id" uuid NOT NULL,
	"programme" text NOT NULL,
	"day" date NOT NULL,
	"points" bigint NOT NULL,
	CONSTRAINT "loyalty_tier_days_pkey" PRIMARY KEY("customer_id","programme","day")
);
--> statement-breakpoint
CREATE TABLE "loyalty_tier_due" (
	"customer_id" uuid NOT NULL,
	"programme" text NOT NULL,
	"marked_at" timestamp(6) with time zone NOT NULL,
	"cause" text NOT NULL,
	"stand" text,
	CONSTRAINT "loyalty_tier_due_pkey" PRIMARY KEY("customer_id","programme"),
	CONSTRAINT "loyalty_tier_due_cause_check" CHECK ("loyalty_tier_due"."cause" in ('booked', 'merge'))
);
--> statement-breakpoint
CREATE TABLE "loyalty_tier_models" (
	"programme" text NOT NULL,
	"version" integer NOT NULL,
	"content" jsonb NOT NULL,
	"created_at" timestamp(6) with time zone NOT NULL,
	"created_by" text NOT NULL,
	CONSTRAINT "loyalty_tier_models_pkey" PRIMARY KEY("programme","version")
);
--> statement-breakpoint
CREATE TABLE "loyalty_tier_rollouts" (
	"programme" text PRIMARY KEY NOT NULL,
	"version" integer NOT NULL,
	"rolled_to" uuid,
	"completed_at" timestamp(6) with time zone
);
--> statement-breakpoint
CREATE TABLE "loyalty_tier_states" (
	"customer_id" uuid NOT NULL,
	"programme" text NOT NULL,
	"model_version" integer NOT NULL,
	"evaluated_at" timestamp(6) with time zone NOT NULL,
	"period_from" date NOT NULL,
	"period_to" date NOT NULL,
	"anchor" date NOT NULL,
	"warned_for" date,
	"next_at" timestamp(6) with time zone,
	CONSTRAINT "loyalty_tier_states_pkey" PRIMARY KEY("customer_id","programme")
);
--> statement-breakpoint
CREATE TABLE "loyalty_tiers_held" (
	"customer_id" uuid NOT NULL,
	"programme" text NOT NULL,
	"from_at" timestamp(6) with time zone NOT NULL,
	"to_at" timestamp(6) with time zone,
	"tier" text NOT NULL,
	"rank" integer NOT NULL,
	"model_version" integer NOT NULL,
	"since_at" timestamp(6) with time zone NOT NULL,
	"cause" text NOT NULL,
	"decided_at" timestamp(6) with time zone NOT NULL,
	"evidence" jsonb NOT NULL,
	CONSTRAINT "loyalty_tiers_held_pkey" PRIMARY KEY("customer_id","programme","from_at"),
	CONSTRAINT "loyalty_tiers_held_to_at_check" CHECK ("loyalty_tiers_held"."to_at" > "loyalty_tiers_held"."from_at"),
	CONSTRAINT "loyalty_tiers_held_cause_check" CHECK ("loyalty_tiers_held"."cause" in ('enrolled', 'reached', 'review', 'model', 'merge'))
);
--> statement-breakpoint
ALTER TABLE "loyalty_benefit_uses" ADD CONSTRAINT "loyalty_benefit_uses_customer_id_fkey" FOREIGN KEY ("customer_id") REFERENCES "public"."customers"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "loyalty_tier_models" ADD CONSTRAINT "loyalty_tier_models_programme_fkey" FOREIGN KEY ("programme") REFERENCES "public"."loyalty_programmes"("key") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "loyalty_tier_states" ADD CONSTRAINT "loyalty_tier_states_customer_id_fkey" FOREIGN KEY ("customer_id") REFERENCES "public"."customers"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "loyalty_tiers_held" ADD CONSTRAINT "loyalty_tiers_held_customer_id_fkey" FOREIGN KEY ("customer_id") REFERENCES "public"."customers"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
CREATE INDEX "loyalty_benefit_uses_programme_idx" ON "loyalty_benefit_uses" USING btree ("customer_id","programme","used_at","use_id");--> statement-breakpoint
CREATE INDEX "loyalty_tier_due_marked_at_idx" ON "loyalty_tier_due" USING btree ("marked_at");--> statement-breakpoint
CREATE INDEX "loyalty_tier_states_next_at_idx" ON "loyalty_tier_states" USING btree ("next_at") WHERE next_at is not null;--> statement-breakpoint
CREATE UNIQUE INDEX "loyalty_tiers_held_open_key" ON "loyalty_tiers_held" USING btree ("customer_id","programme") WHERE to_at is null;