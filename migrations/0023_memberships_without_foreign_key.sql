ALTER TABLE "memberships" DROP CONSTRAINT "memberships_segment_fkey";
