CREATE TABLE "balance_policy" (
	"id" integer PRIMARY KEY NOT NULL,
	"attribution" text NOT NULL,
	"average_days" text NOT NULL,
	"version" integer NOT NULL,
	"updated_at" timestamp(6) with time zone NOT NULL,
	"marked_to" uuid,
	"marked_at" timestamp(6) with time zone,
	CONSTRAINT "balance_policy_id_check" CHECK ("balance_policy"."id" = 1),
	CONSTRAINT "balance_policy_attribution_check" CHECK ("balance_policy"."attribution" in ('primary_owner', 'by_share', 'full')),
	CONSTRAINT "balance_policy_average_days_check" CHECK ("balance_policy"."average_days" in ('calendar', 'thirty'))
);

--> statement-breakpoint
INSERT INTO "balance_policy" ("id", "attribution", "average_days", "version", "updated_at", "marked_at")
VALUES (1, 'primary_owner', 'calendar', 1, '2026-01-01T00:00:00Z', '2026-01-01T00:00:00Z');
