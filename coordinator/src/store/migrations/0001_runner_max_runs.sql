-- A runner that wants only so many runs is held to it here: its own word would not do for polls that overtake each other.
-- runs_started counts for the registered instance, and only where there is a maximum.
ALTER TABLE runners ADD COLUMN max_runs integer CHECK (max_runs > 0);
--> statement-breakpoint
ALTER TABLE runners ADD COLUMN runs_started integer NOT NULL DEFAULT 0 CHECK (runs_started >= 0);
