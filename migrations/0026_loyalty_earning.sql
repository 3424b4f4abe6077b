CREATE TABLE "loyalty_earn_budgets" (
	"programme" text NOT NULL,
	"rule" text NOT NULL,
	"used" bigint NOT NULL,
	CONSTRAINT "loyalty_earn_budgets_pkey" PRIMARY KEY("programme","rule"),
	CONSTRAINT "loyalty_earn_budgets_used_check" CHECK ("loyalty_earn_budgets"."used" >= 0)
);
--> statement-breakpoint
CREATE TABLE "loyalty_earn_rule_versions" (
	"programme" text NOT NULL,
	"rule" text NOT NULL,
	"version" integer NOT NULL,
	"content" jsonb NOT NULL,
	"created_at" timestamp(6) with time zone NOT NULL,
	"created_by" text NOT NULL,
	CONSTRAINT "loyalty_earn_rule_versions_pkey" PRIMARY KEY("programme","rule","version")
);
--> statement-breakpoint
CREATE TABLE "loyalty_earn_rules" (
	"programme" text NOT NULL,
	"key" text NOT NULL,
	"version" integer NOT NULL,
	"created_at" timestamp(6) with time zone NOT NULL,
	"deleted_at" timestamp(6) with time zone,
	CONSTRAINT "loyalty_earn_rules_pkey" PRIMARY KEY("programme","key")
);
--> statement-breakpoint
CREATE TABLE "loyalty_earning_due" (
	"customer_id" uuid NOT NULL,
	"activity_id" uuid NOT NULL,
	"occurred_at" timestamp(6) with time zone NOT NULL,
	"due_at" timestamp(6) with time zone NOT NULL,
	"origin_customer_id" uuid,
	CONSTRAINT "loyalty_earning_due_pkey" PRIMARY KEY("customer_id","activity_id")
);
--> statement-breakpoint
CREATE TABLE "loyalty_earnings" (
	"customer_id" uuid NOT NULL,
	"account_id" uuid NOT NULL,
	"subject" text NOT NULL,
	"rule" text NOT NULL,
	"programme" text NOT NULL,
	"rule_version" integer NOT NULL,
	"rules_at" timestamp(6) with time zone NOT NULL,
	"activity_id" uuid,
	"occurred_at" timestamp(6) with time zone NOT NULL,
	"points" bigint NOT NULL,
	"kept" bigint NOT NULL,
	"operations" uuid[] NOT NULL,
	"origin_customer_id" uuid,
	CONSTRAINT "loyalty_earnings_pkey" PRIMARY KEY("customer_id","account_id","subject","rule"),
	CONSTRAINT "loyalty_earnings_points_check" CHECK ("loyalty_earnings"."points" >= 0),
	CONSTRAINT "loyalty_earnings_kept_check" CHECK ("loyalty_earnings"."kept" >= 0)
);
--> statement-breakpoint
CREATE TABLE "loyalty_expiry_notices" (
	"customer_id" uuid NOT NULL,
	"account_id" uuid NOT NULL,
	"expires_at" timestamp(6) with time zone NOT NULL,
	"points" bigint NOT NULL,
	"told_at" timestamp(6) with time zone NOT NULL,
	"origin_customer_id" uuid,
	CONSTRAINT "loyalty_expiry_notices_pkey" PRIMARY KEY("customer_id","account_id","expires_at")
);
--> statement-breakpoint
CREATE TABLE "loyalty_rounds" (
	"programme" text NOT NULL,
	"kind" text NOT NULL,
	"on_date" date,
	"due_at" timestamp(6) with time zone NOT NULL,
	"after" jsonb,
	CONSTRAINT "loyalty_rounds_pkey" PRIMARY KEY("programme","kind"),
	CONSTRAINT "loyalty_rounds_kind_check" CHECK ("loyalty_rounds"."kind" in ('occasions', 'notices'))
);
--> statement-breakpoint
ALTER TABLE "loyalty_earn_rule_versions" ADD CONSTRAINT "loyalty_earn_rule_versions_programme_rule_fkey" FOREIGN KEY ("programme","rule") REFERENCES "public"."loyalty_earn_rules"("programme","key") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "loyalty_earn_rules" ADD CONSTRAINT "loyalty_earn_rules_programme_fkey" FOREIGN KEY ("programme") REFERENCES "public"."loyalty_programmes"("key") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "loyalty_earnings" ADD CONSTRAINT "loyalty_earnings_customer_id_fkey" FOREIGN KEY ("customer_id") REFERENCES "public"."customers"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
CREATE INDEX "loyalty_earning_due_due_at_idx" ON "loyalty_earning_due" USING btree ("due_at","customer_id");--> statement-breakpoint
CREATE INDEX "loyalty_earnings_rule_idx" ON "loyalty_earnings" USING btree ("customer_id","programme","rule","occurred_at") WHERE points > 0;