CREATE EXTENSION IF NOT EXISTS pg_trgm;
--> statement-breakpoint
CREATE TABLE "activities" (
	"customer_id" uuid NOT NULL,
	"occurred_at" timestamp(6) with time zone NOT NULL,
	"id" uuid NOT NULL,
	"type" text NOT NULL,
	"precision" text NOT NULL,
	"business_date" date NOT NULL,
	"amount" numeric,
	"currency" text,
	"direction" text NOT NULL,
	"reporting_amount" numeric,
	"channel" text,
	"initiated_by" text NOT NULL,
	"own_transfer" boolean NOT NULL,
	"holding_id" uuid,
	"source" text NOT NULL,
	"source_id" text NOT NULL,
	"source_version" bigint NOT NULL,
	"attributes" jsonb,
	"state" text NOT NULL,
	"recorded_at" timestamp(6) with time zone NOT NULL,
	"origin_customer_id" uuid,
	CONSTRAINT "activities_pkey" PRIMARY KEY("customer_id","occurred_at","id"),
	CONSTRAINT "activities_direction_check" CHECK ("activities"."direction" in ('in', 'out', 'none')),
	CONSTRAINT "activities_initiated_by_check" CHECK ("activities"."initiated_by" in ('customer', 'bank', 'third_party')),
	CONSTRAINT "activities_state_check" CHECK ("activities"."state" in ('current', 'superseded', 'reversed')),
	CONSTRAINT "activities_amount_check" CHECK ("activities"."amount" >= 0)
) PARTITION BY RANGE ("occurred_at");
--> statement-breakpoint
CREATE TABLE "activity_keys" (
	"source" text NOT NULL,
	"source_id" text NOT NULL,
	"customer_id" uuid NOT NULL,
	"activity_id" uuid NOT NULL,
	"occurred_at" timestamp(6) with time zone NOT NULL,
	"content_hash" "bytea" NOT NULL,
	"source_version" bigint NOT NULL,
	CONSTRAINT "activity_keys_pkey" PRIMARY KEY("source","source_id")
);
--> statement-breakpoint
CREATE TABLE "activity_totals" (
	"customer_id" uuid NOT NULL,
	"type" text NOT NULL,
	"direction" text NOT NULL,
	"initiated_by" text NOT NULL,
	"count" bigint NOT NULL,
	"amount" numeric NOT NULL,
	"unvalued" bigint NOT NULL,
	"first_at" timestamp(6) with time zone NOT NULL,
	"last_at" timestamp(6) with time zone NOT NULL,
	CONSTRAINT "activity_totals_pkey" PRIMARY KEY("customer_id","type","direction","initiated_by")
);
--> statement-breakpoint
CREATE TABLE "attribute_definitions" (
	"name" text PRIMARY KEY NOT NULL,
	"description" text NOT NULL,
	"json_schema" jsonb NOT NULL,
	"sensitivity" text NOT NULL,
	"searchable" boolean NOT NULL,
	"version" integer DEFAULT 1 NOT NULL,
	"updated_at" timestamp(6) with time zone NOT NULL,
	CONSTRAINT "attribute_definitions_sensitivity_check" CHECK ("attribute_definitions"."sensitivity" in ('internal', 'sensitive'))
);
--> statement-breakpoint
CREATE TABLE "contact_points" (
	"customer_id" uuid NOT NULL,
	"id" uuid NOT NULL,
	"kind" text NOT NULL,
	"label" text NOT NULL,
	"is_primary" boolean NOT NULL,
	"value_index" text NOT NULL,
	"value_sealed" "bytea",
	"value_key_id" text,
	"source" text NOT NULL,
	"source_time" timestamp(6) with time zone,
	"recorded_at" timestamp(6) with time zone NOT NULL,
	CONSTRAINT "contact_points_pkey" PRIMARY KEY("customer_id","id"),
	CONSTRAINT "contact_points_kind_check" CHECK ("contact_points"."kind" in ('phone', 'email', 'address'))
);
--> statement-breakpoint
CREATE TABLE "customer_statements" (
	"customer_id" uuid NOT NULL,
	"source" text NOT NULL,
	"fields" jsonb NOT NULL,
	CONSTRAINT "customer_statements_pkey" PRIMARY KEY("customer_id","source")
);
--> statement-breakpoint
CREATE TABLE "customers" (
	"id" uuid PRIMARY KEY NOT NULL,
	"kind" text NOT NULL,
	"status" text NOT NULL,
	"stub" boolean NOT NULL,
	"full_name" text,
	"given_name" text,
	"family_name" text,
	"legal_name" text,
	"short_name" text,
	"birth_date" date,
	"founding_date" date,
	"gender" text,
	"language" text,
	"city" text,
	"branch" text,
	"manager" text,
	"customer_since" date,
	"attributes" jsonb DEFAULT '{}'::jsonb NOT NULL,
	"name_tokens" text[] NOT NULL,
	"name_folded" text NOT NULL,
	"merged_into" uuid,
	"version" bigint NOT NULL,
	"created_at" timestamp(6) with time zone NOT NULL,
	"updated_at" timestamp(6) with time zone NOT NULL,
	CONSTRAINT "customers_kind_check" CHECK ("customers"."kind" in ('person', 'organization')),
	CONSTRAINT "customers_status_check" CHECK ("customers"."status" in ('prospect', 'active', 'restricted', 'closed', 'deceased', 'merged', 'erased')),
	CONSTRAINT "customers_gender_check" CHECK ("customers"."gender" in ('female', 'male', 'other'))
);
--> statement-breakpoint
CREATE TABLE "identifier_keys" (
	"scheme" text NOT NULL,
	"value_index" text NOT NULL,
	"customer_id" uuid NOT NULL,
	CONSTRAINT "identifier_keys_pkey" PRIMARY KEY("scheme","value_index")
);
--> statement-breakpoint
CREATE TABLE "identifier_schemes" (
	"key" text PRIMARY KEY NOT NULL,
	"name" text NOT NULL,
	"normaliser" text NOT NULL,
	"sensitive" boolean NOT NULL,
	"path_safe" boolean NOT NULL,
	"version" integer DEFAULT 1 NOT NULL,
	CONSTRAINT "identifier_schemes_path_safe_check" CHECK (not ("identifier_schemes"."sensitive" and "identifier_schemes"."path_safe")),
	CONSTRAINT "identifier_schemes_normaliser_check" CHECK ("identifier_schemes"."normaliser" in ('none', 'upper', 'digits', 'cn_resident_id', 'cn_uscc'))
);
--> statement-breakpoint
CREATE TABLE "identifiers" (
	"customer_id" uuid NOT NULL,
	"id" uuid NOT NULL,
	"scheme" text NOT NULL,
	"value_index" text NOT NULL,
	"value" text,
	"value_sealed" "bytea",
	"value_key_id" text,
	"status" text NOT NULL,
	"source" text NOT NULL,
	"source_time" timestamp(6) with time zone,
	"recorded_at" timestamp(6) with time zone NOT NULL,
	CONSTRAINT "identifiers_pkey" PRIMARY KEY("customer_id","scheme","value_index"),
	CONSTRAINT "identifiers_status_check" CHECK ("identifiers"."status" in ('active', 'superseded', 'removed')),
	CONSTRAINT "identifiers_value_check" CHECK (("identifiers"."value" is null) <> ("identifiers"."value_sealed" is null))
);
--> statement-breakpoint
CREATE TABLE "relationship_types" (
	"role" text PRIMARY KEY NOT NULL,
	"reciprocal_role" text NOT NULL,
	"name" text NOT NULL
);
--> statement-breakpoint
CREATE TABLE "relationships" (
	"customer_id" uuid NOT NULL,
	"id" uuid NOT NULL,
	"related_customer_id" uuid NOT NULL,
	"role" text NOT NULL,
	"starts_on" date,
	"ends_on" date,
	"source" text NOT NULL,
	"recorded_at" timestamp(6) with time zone NOT NULL,
	"version" integer NOT NULL,
	CONSTRAINT "relationships_pkey" PRIMARY KEY("customer_id","id"),
	CONSTRAINT "relationships_related_customer_id_check" CHECK ("relationships"."customer_id" <> "relationships"."related_customer_id"),
	CONSTRAINT "relationships_ends_on_check" CHECK ("relationships"."ends_on" >= "relationships"."starts_on")
);
--> statement-breakpoint
CREATE TABLE "holding_keys" (
	"source" text NOT NULL,
	"number_index" text NOT NULL,
	"holding_id" uuid NOT NULL,
	"customer_id" uuid NOT NULL,
	CONSTRAINT "holding_keys_pkey" PRIMARY KEY("source","number_index")
);
--> statement-breakpoint
CREATE TABLE "holding_parties" (
	"customer_id" uuid NOT NULL,
	"holding_id" uuid NOT NULL,
	"owner_id" uuid NOT NULL,
	"role" text NOT NULL,
	"share" numeric,
	"starts_on" date,
	"ends_on" date,
	"id" uuid NOT NULL,
	"recorded_at" timestamp(6) with time zone NOT NULL,
	CONSTRAINT "holding_parties_pkey" PRIMARY KEY("customer_id","id"),
	CONSTRAINT "holding_parties_role_check" CHECK ("holding_parties"."role" in ('primary_owner', 'joint_owner', 'authorised', 'guarantor', 'beneficiary'))
);
--> statement-breakpoint
CREATE TABLE "holdings" (
	"customer_id" uuid NOT NULL,
	"id" uuid NOT NULL,
	"source" text NOT NULL,
	"number_index" text NOT NULL,
	"number_sealed" "bytea",
	"number_key_id" text,
	"category" text NOT NULL,
	"product" text,
	"status" text NOT NULL,
	"currency" text NOT NULL,
	"opened_on" date,
	"closed_on" date,
	"balance" numeric,
	"balance_date" date,
	"attributes" jsonb DEFAULT '{}'::jsonb NOT NULL,
	"source_time" timestamp(6) with time zone,
	"recorded_at" timestamp(6) with time zone NOT NULL,
	"version" bigint NOT NULL,
	CONSTRAINT "holdings_pkey" PRIMARY KEY("customer_id","id"),
	CONSTRAINT "holdings_category_check" CHECK ("holdings"."category" in ('deposit', 'time_deposit', 'wealth_product', 'fund', 'bond', 'insurance', 'precious_metal', 'loan', 'mortgage', 'credit_card', 'debit_card', 'service')),
	CONSTRAINT "holdings_status_check" CHECK ("holdings"."status" in ('pending', 'active', 'suspended', 'stopped', 'frozen', 'dormant', 'closed'))
);
--> statement-breakpoint
CREATE TABLE "import_chunks" (
	"import_id" uuid NOT NULL,
	"chunk" integer NOT NULL,
	"first_line" bigint NOT NULL,
	"line_count" integer NOT NULL,
	"body" "bytea" NOT NULL,
	CONSTRAINT "import_chunks_pkey" PRIMARY KEY("import_id","chunk")
);
--> statement-breakpoint
CREATE TABLE "import_rejections" (
	"import_id" uuid NOT NULL,
	"line" bigint NOT NULL,
	"code" text NOT NULL,
	"message" text NOT NULL,
	"pointer" text,
	"body" "bytea" NOT NULL,
	CONSTRAINT "import_rejections_pkey" PRIMARY KEY("import_id","line")
);
--> statement-breakpoint
CREATE TABLE "imports" (
	"id" uuid PRIMARY KEY NOT NULL,
	"kind" text NOT NULL,
	"format" text NOT NULL,
	"charset" text NOT NULL,
	"source" text,
	"on_error" text NOT NULL,
	"on_unknown" text NOT NULL,
	"dry_run" boolean NOT NULL,
	"state" text NOT NULL,
	"announced_digest" text,
	"received_digest" text,
	"received_bytes" bigint NOT NULL,
	"received_lines" bigint NOT NULL,
	"received_at" timestamp(6) with time zone NOT NULL,
	"header" text,
	"done_lines" bigint NOT NULL,
	"accepted_rows" bigint NOT NULL,
	"duplicate_rows" bigint NOT NULL,
	"rejected_rows" bigint NOT NULL,
	"wrapped_key" "bytea",
	"failure" jsonb,
	"created_by" text NOT NULL,
	"data_scope" jsonb,
	"created_at" timestamp(6) with time zone NOT NULL,
	"started_at" timestamp(6) with time zone,
	"finished_at" timestamp(6) with time zone,
	"lease_token" bigint DEFAULT 0 NOT NULL,
	"leased_until" timestamp(6) with time zone,
	"version" integer DEFAULT 1 NOT NULL,
	"feed" text,
	"business_date" date,
	"control_rows" bigint,
	"control_amount" numeric,
	CONSTRAINT "imports_state_check" CHECK ("imports"."state" in ('receiving', 'queued', 'running', 'completed', 'failed', 'cancelled')),
	CONSTRAINT "imports_kind_check" CHECK ("imports"."kind" in ('customers', 'holdings', 'activities')),
	CONSTRAINT "imports_charset_check" CHECK ("imports"."charset" in ('utf-8', 'gb18030')),
	CONSTRAINT "imports_on_error_check" CHECK ("imports"."on_error" in ('continue', 'abort')),
	CONSTRAINT "imports_on_unknown_check" CHECK ("imports"."on_unknown" in ('reject', 'create')),
	CONSTRAINT "imports_format_check" CHECK ("imports"."format" in ('ndjson', 'csv'))
);
--> statement-breakpoint
CREATE TABLE "api_keys" (
	"id" uuid PRIMARY KEY NOT NULL,
	"name" text NOT NULL,
	"secret_hash" "bytea" NOT NULL,
	"scopes" text[] NOT NULL,
	"data_scope" jsonb,
	"created_at" timestamp(6) with time zone NOT NULL,
	"expires_at" timestamp(6) with time zone,
	"revoked_at" timestamp(6) with time zone,
	"version" integer DEFAULT 1 NOT NULL
);
--> statement-breakpoint
CREATE TABLE "audit_entries" (
	"id" uuid PRIMARY KEY NOT NULL,
	"occurred_at" timestamp(6) with time zone NOT NULL,
	"actor" text NOT NULL,
	"action" text NOT NULL,
	"subject_type" text NOT NULL,
	"subject_id" text,
	"request_id" text NOT NULL,
	"details" jsonb NOT NULL,
	"content_hash" "bytea" NOT NULL,
	"sequence" bigint,
	"chain_hash" "bytea"
);
--> statement-breakpoint
CREATE TABLE "idempotency_keys" (
	"principal" text NOT NULL,
	"operation" text NOT NULL,
	"key" text NOT NULL,
	"request_hash" "bytea" NOT NULL,
	"value_sealed" "bytea",
	"created_at" timestamp(6) with time zone NOT NULL,
	CONSTRAINT "idempotency_keys_pkey" PRIMARY KEY("principal","operation","key")
);
--> statement-breakpoint
CREATE TABLE "installation" (
	"id" integer PRIMARY KEY NOT NULL,
	"index_key_fingerprint" text NOT NULL,
	"currency" text NOT NULL,
	CONSTRAINT "installation_id_check" CHECK ("installation"."id" = 1)
);
--> statement-breakpoint
CREATE TABLE "outbox" (
	"id" uuid PRIMARY KEY NOT NULL,
	"type" text NOT NULL,
	"subject" text NOT NULL,
	"subject_version" bigint NOT NULL,
	"occurred_at" timestamp(6) with time zone NOT NULL,
	"scope_branch" text,
	"scope_manager" text,
	"scope_customer" uuid,
	"data" jsonb NOT NULL,
	"traceparent" text,
	"sequence" bigint
);
--> statement-breakpoint
CREATE TABLE "outbox_head" (
	"id" integer PRIMARY KEY NOT NULL,
	"sequence" bigint NOT NULL,
	CONSTRAINT "outbox_head_id_check" CHECK ("outbox_head"."id" = 1)
);
--> statement-breakpoint
CREATE TABLE "sandbox_clock" (
	"id" integer PRIMARY KEY NOT NULL,
	"domain_instant" timestamp(6) with time zone NOT NULL,
	"real_instant" timestamp(6) with time zone NOT NULL,
	CONSTRAINT "sandbox_clock_id_check" CHECK ("sandbox_clock"."id" = 1)
);
--> statement-breakpoint
CREATE TABLE "review_leases" (
	"bucket" integer PRIMARY KEY NOT NULL,
	"token" bigint NOT NULL,
	"leased_until" timestamp(6) with time zone NOT NULL
);
--> statement-breakpoint
CREATE TABLE "review_state" (
	"customer_id" uuid PRIMARY KEY NOT NULL,
	"bucket" integer NOT NULL,
	"version" bigint NOT NULL,
	"last_micros" bigint NOT NULL,
	"marked_at" timestamp(6) with time zone,
	"touched" text[] NOT NULL,
	"reviewed_at" timestamp(6) with time zone,
	"next_change_at" timestamp(6) with time zone,
	CONSTRAINT "review_state_bucket_check" CHECK ("review_state"."bucket" between 0 and 15)
);
--> statement-breakpoint
CREATE TABLE "memberships" (
	"customer_id" uuid NOT NULL,
	"segment" text NOT NULL,
	"entered_at" timestamp(6) with time zone NOT NULL,
	"left_at" timestamp(6) with time zone,
	"decided_at" timestamp(6) with time zone NOT NULL,
	"left_decided_at" timestamp(6) with time zone,
	"rule_version" integer NOT NULL,
	"left_rule_version" integer,
	"cause" text NOT NULL,
	"left_cause" text,
	CONSTRAINT "memberships_pkey" PRIMARY KEY("customer_id","segment","entered_at"),
	CONSTRAINT "memberships_left_at_check" CHECK ("memberships"."left_at" > "memberships"."entered_at")
);
--> statement-breakpoint
CREATE TABLE "segment_versions" (
	"segment" text NOT NULL,
	"version" integer NOT NULL,
	"rule" jsonb,
	"reads" text[] NOT NULL,
	"created_at" timestamp(6) with time zone NOT NULL,
	"created_by" text NOT NULL,
	"marked_to" uuid,
	"completed_at" timestamp(6) with time zone,
	CONSTRAINT "segment_versions_pkey" PRIMARY KEY("segment","version")
);
--> statement-breakpoint
CREATE TABLE "segments" (
	"key" text PRIMARY KEY NOT NULL,
	"name" text NOT NULL,
	"description" text NOT NULL,
	"kind" text NOT NULL,
	"version" integer NOT NULL,
	"created_at" timestamp(6) with time zone NOT NULL,
	"updated_at" timestamp(6) with time zone NOT NULL,
	"deleted_at" timestamp(6) with time zone,
	CONSTRAINT "segments_kind_check" CHECK ("segments"."kind" in ('rule', 'static'))
);
--> statement-breakpoint
ALTER TABLE "contact_points" ADD CONSTRAINT "contact_points_customer_id_fkey" FOREIGN KEY ("customer_id") REFERENCES "public"."customers"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "customer_statements" ADD CONSTRAINT "customer_statements_customer_id_fkey" FOREIGN KEY ("customer_id") REFERENCES "public"."customers"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "identifiers" ADD CONSTRAINT "identifiers_customer_id_fkey" FOREIGN KEY ("customer_id") REFERENCES "public"."customers"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "identifiers" ADD CONSTRAINT "identifiers_scheme_fkey" FOREIGN KEY ("scheme") REFERENCES "public"."identifier_schemes"("key") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "relationships" ADD CONSTRAINT "relationships_customer_id_fkey" FOREIGN KEY ("customer_id") REFERENCES "public"."customers"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "relationships" ADD CONSTRAINT "relationships_role_fkey" FOREIGN KEY ("role") REFERENCES "public"."relationship_types"("role") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "holding_parties" ADD CONSTRAINT "holding_parties_customer_id_fkey" FOREIGN KEY ("customer_id") REFERENCES "public"."customers"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "holdings" ADD CONSTRAINT "holdings_customer_id_fkey" FOREIGN KEY ("customer_id") REFERENCES "public"."customers"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "memberships" ADD CONSTRAINT "memberships_segment_fkey" FOREIGN KEY ("segment") REFERENCES "public"."segments"("key") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "segment_versions" ADD CONSTRAINT "segment_versions_segment_fkey" FOREIGN KEY ("segment") REFERENCES "public"."segments"("key") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
CREATE INDEX "activities_customer_id_type_occurred_at_idx" ON "activities" USING btree ("customer_id","type","occurred_at") INCLUDE ("reporting_amount") WHERE state = 'current';--> statement-breakpoint
CREATE UNIQUE INDEX "contact_points_customer_id_kind_value_index_key" ON "contact_points" USING btree ("customer_id","kind","value_index");--> statement-breakpoint
CREATE INDEX "contact_points_value_index_idx" ON "contact_points" USING btree ("value_index");--> statement-breakpoint
CREATE INDEX "customers_branch_idx" ON "customers" USING btree ("branch","id");--> statement-breakpoint
CREATE INDEX "customers_manager_idx" ON "customers" USING btree ("manager","id");--> statement-breakpoint
CREATE INDEX "customers_birth_date_idx" ON "customers" USING btree ("birth_date") WHERE birth_date is not null;--> statement-breakpoint
CREATE INDEX "customers_name_tokens_idx" ON "customers" USING gin ("name_tokens") WITH (gin_pending_list_limit=256);--> statement-breakpoint
CREATE INDEX "customers_name_folded_idx" ON "customers" USING gin (name_folded gin_trgm_ops);--> statement-breakpoint
CREATE INDEX "customers_attributes_idx" ON "customers" USING gin (attributes jsonb_path_ops);--> statement-breakpoint
CREATE UNIQUE INDEX "identifiers_customer_id_id_key" ON "identifiers" USING btree ("customer_id","id");--> statement-breakpoint
CREATE UNIQUE INDEX "relationships_open_key" ON "relationships" USING btree ("customer_id","related_customer_id","role") WHERE ends_on is null;--> statement-breakpoint
CREATE INDEX "holding_keys_holding_id_idx" ON "holding_keys" USING btree ("holding_id");--> statement-breakpoint
CREATE UNIQUE INDEX "holding_parties_open_key" ON "holding_parties" USING btree ("customer_id","holding_id","role") WHERE ends_on is null;--> statement-breakpoint
CREATE INDEX "holding_parties_holding_id_idx" ON "holding_parties" USING btree ("holding_id");--> statement-breakpoint
CREATE INDEX "imports_open_idx" ON "imports" USING btree ("created_at") WHERE state in ('receiving', 'queued', 'running');--> statement-breakpoint
CREATE INDEX "imports_finished_at_idx" ON "imports" USING btree ("finished_at") WHERE wrapped_key is not null;--> statement-breakpoint
CREATE INDEX "api_keys_secret_hash_idx" ON "api_keys" USING btree ("secret_hash");--> statement-breakpoint
CREATE INDEX "audit_entries_unsealed_idx" ON "audit_entries" USING btree ("occurred_at","id") WHERE sequence is null;--> statement-breakpoint
CREATE INDEX "audit_entries_subject_id_idx" ON "audit_entries" USING btree ("subject_id","occurred_at","id");--> statement-breakpoint
CREATE INDEX "idempotency_keys_created_at_idx" ON "idempotency_keys" USING btree ("created_at");--> statement-breakpoint
CREATE INDEX "outbox_unsequenced_idx" ON "outbox" USING btree ("occurred_at","subject_version","id") WHERE sequence is null;--> statement-breakpoint
CREATE INDEX "outbox_sequence_idx" ON "outbox" USING btree ("sequence");--> statement-breakpoint
CREATE INDEX "outbox_subject_idx" ON "outbox" USING btree ("subject","occurred_at","id");--> statement-breakpoint
CREATE INDEX "review_state_marked_at_idx" ON "review_state" USING btree ("bucket","marked_at") WHERE marked_at is not null;--> statement-breakpoint
CREATE INDEX "review_state_next_change_at_idx" ON "review_state" USING btree ("bucket","next_change_at") WHERE next_change_at is not null;--> statement-breakpoint
CREATE UNIQUE INDEX "memberships_open_key" ON "memberships" USING btree ("customer_id","segment") WHERE left_at is null;--> statement-breakpoint
CREATE INDEX "memberships_segment_idx" ON "memberships" USING btree ("segment","customer_id") WHERE left_at is null;