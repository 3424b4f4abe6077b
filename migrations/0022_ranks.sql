CREATE TABLE "rank_cuts" (
	"key" text NOT NULL,
	"refreshed_at" timestamp(6) with time zone NOT NULL,
	"population" bigint NOT NULL,
	"bounds" text[] NOT NULL,
	CONSTRAINT "rank_cuts_pkey" PRIMARY KEY("key","refreshed_at")
);
--> statement-breakpoint
CREATE TABLE "rank_marking" (
	"id" integer PRIMARY KEY NOT NULL,
	"marked_to" uuid,
	"marked_at" timestamp(6) with time zone,
	CONSTRAINT "rank_marking_id_check" CHECK ("rank_marking"."id" = 1)
);
--> statement-breakpoint
CREATE TABLE "rfm_grid" (
	"branch" text NOT NULL,
	"recency_score" integer NOT NULL,
	"frequency_score" integer NOT NULL,
	"customers" bigint NOT NULL,
	"valued" bigint NOT NULL,
	"monetary" numeric NOT NULL,
	CONSTRAINT "rfm_grid_pkey" PRIMARY KEY("branch","recency_score","frequency_score")
);
--> statement-breakpoint
CREATE TABLE "rfm_models" (
	"version" integer PRIMARY KEY NOT NULL,
	"types" text[],
	"window_last" text NOT NULL,
	"refresh_every" text NOT NULL,
	"created_at" timestamp(6) with time zone NOT NULL,
	"created_by" text NOT NULL,
	"live_at" timestamp(6) with time zone
);
--> statement-breakpoint
INSERT INTO "rank_marking" ("id", "marked_at") VALUES (1, '2026-01-01T00:00:00Z');
--> statement-breakpoint
INSERT INTO "rfm_models" ("version", "types", "window_last", "refresh_every", "created_at", "created_by", "live_at")
VALUES (1, NULL, 'P1Y', 'PT1H', '2026-01-01T00:00:00Z', 'system:migration', '2026-01-01T00:00:00Z');
