ALTER TABLE "loyalty_entries" ADD COLUMN "beside" jsonb;--> statement-breakpoint
CREATE INDEX "merges_merged_id_idx" ON "merges" USING btree ("merged_id");