-- The truth. Every state column is closed by a CHECK, and what must be unique is unique here, not in a handler.
-- Times are Postgres's; `number` columns give age an order that clocks cannot blur.

CREATE TABLE projects (
  id text PRIMARY KEY,
  name text NOT NULL,
  created_at timestamptz NOT NULL DEFAULT now()
);
INSERT INTO projects (id, name) VALUES ('default', 'default');

-- Keys for lease tokens: tokens are HMACs, nothing secret is stored per attempt. Old keys serve until their last lease and log hour are over.
CREATE TABLE server_keys (
  id text PRIMARY KEY,
  secret bytea NOT NULL,
  created_at timestamptz NOT NULL DEFAULT now(),
  retired_at timestamptz
);

-- One row: when any coordinator last proved that it and Postgres were alive. The gap is an outage and extends all leases.
CREATE TABLE liveness (
  id smallint PRIMARY KEY CHECK (id = 1),
  alive_at timestamptz NOT NULL
);
INSERT INTO liveness (id, alive_at) VALUES (1, clock_timestamp());

CREATE TABLE blueprints (
  project_id text NOT NULL REFERENCES projects (id),
  name text NOT NULL,
  description text NOT NULL DEFAULT '',
  status text NOT NULL DEFAULT 'active' CHECK (status IN ('active', 'inactive')),
  system_prompt text,
  mcp_servers jsonb NOT NULL DEFAULT '{}',
  executor text,
  executor_config jsonb NOT NULL DEFAULT '{}',
  runtime text CHECK (runtime IN ('local', 'docker', 'kubernetes')),
  parameters_schema jsonb,
  tags jsonb NOT NULL DEFAULT '[]',
  demands jsonb NOT NULL DEFAULT '{}',
  created_at timestamptz NOT NULL DEFAULT now(),
  modified_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (project_id, name)
);

-- One row per tree of sessions, locked first by whatever starts, settles or stops part of it.
CREATE TABLE trees (
  project_id text NOT NULL REFERENCES projects (id),
  id text NOT NULL,
  runs_total integer NOT NULL DEFAULT 0 CHECK (runs_total >= 0),
  PRIMARY KEY (project_id, id)
);

CREATE TABLE sessions (
  project_id text NOT NULL REFERENCES projects (id),
  id text NOT NULL,
  number bigint GENERATED ALWAYS AS IDENTITY UNIQUE,
  state text NOT NULL DEFAULT 'pending' CHECK (state IN ('pending', 'running', 'idle', 'waiting', 'stopping', 'stopped', 'failed', 'finished')),
  parent_session_id text,
  root_session_id text NOT NULL,
  depth integer NOT NULL DEFAULT 0 CHECK (depth >= 0),
  agent_name text,
  executor text NOT NULL,
  runtime text NOT NULL CHECK (runtime IN ('local', 'docker', 'kubernetes')),
  project_dir text,
  executor_session_id text,
  executor_profile text,
  hostname text,
  last_runner_id text,
  -- a held inbox records items and resumes nothing
  held boolean NOT NULL DEFAULT false,
  settled_at timestamptz,
  -- a run that ended without word that its tree is gone keeps its session until its lease would have run out
  occupied_until timestamptz,
  created_at timestamptz NOT NULL DEFAULT now(),
  last_resumed_at timestamptz,
  last_activity_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (project_id, id),
  FOREIGN KEY (project_id, parent_session_id) REFERENCES sessions (project_id, id) ON DELETE SET NULL (parent_session_id),
  FOREIGN KEY (project_id, root_session_id) REFERENCES trees (project_id, id),
  CHECK (parent_session_id IS DISTINCT FROM id)
);
CREATE INDEX sessions_by_parent ON sessions (project_id, parent_session_id) WHERE parent_session_id IS NOT NULL;
CREATE INDEX sessions_by_tree ON sessions (project_id, root_session_id);
CREATE INDEX sessions_newest ON sessions (project_id, number DESC);
CREATE INDEX sessions_unsettled ON sessions (number) WHERE settled_at IS NULL;
CREATE INDEX sessions_occupied ON sessions (occupied_until) WHERE occupied_until IS NOT NULL;

-- The canonical set of what a run demands; what routing works on.
CREATE TABLE lanes (
  id text PRIMARY KEY,
  project_id text NOT NULL REFERENCES projects (id),
  key text NOT NULL,
  demands jsonb NOT NULL,
  created_at timestamptz NOT NULL DEFAULT now(),
  UNIQUE (project_id, key)
);

CREATE TABLE runners (
  id text PRIMARY KEY,
  project_id text NOT NULL REFERENCES projects (id),
  instance_id text,
  hostname text NOT NULL,
  project_dir text NOT NULL,
  executor_profile text,
  executor jsonb,
  executors jsonb NOT NULL DEFAULT '{}',
  runtimes jsonb NOT NULL DEFAULT '["local"]',
  tags jsonb NOT NULL DEFAULT '[]',
  require_matching_tags boolean NOT NULL DEFAULT false,
  slots integer NOT NULL DEFAULT 1 CHECK (slots > 0),
  version text,
  state text NOT NULL DEFAULT 'online' CHECK (state IN ('online', 'draining', 'deregistering')),
  not_ready_reason text,
  heartbeat_seq bigint NOT NULL DEFAULT 0,
  registered_at timestamptz NOT NULL DEFAULT now(),
  last_heartbeat_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX runners_by_project ON runners (project_id);

CREATE TABLE runs (
  id text PRIMARY KEY,
  project_id text NOT NULL REFERENCES projects (id),
  session_id text NOT NULL,
  tree_id text NOT NULL,
  number bigint GENERATED ALWAYS AS IDENTITY UNIQUE,
  type text NOT NULL CHECK (type IN ('start_session', 'resume_session')),
  origin text NOT NULL CHECK (origin IN ('request', 'callback', 'retry', 'agent')),
  state text NOT NULL DEFAULT 'pending' CHECK (state IN ('pending', 'claimed', 'running', 'stopping', 'completed', 'failed', 'stopped')),
  phase text CHECK (phase IN ('preparing', 'supervised')),
  -- eligibility, not a reservation: pending and nothing in the way
  ready boolean NOT NULL DEFAULT false,
  waiting_for text,
  lane_id text NOT NULL REFERENCES lanes (id),
  priority smallint NOT NULL DEFAULT 3 CHECK (priority BETWEEN 1 AND 5),
  agent_name text,
  executor text NOT NULL,
  executor_config jsonb NOT NULL DEFAULT '{}',
  runtime text NOT NULL CHECK (runtime IN ('local', 'docker', 'kubernetes')),
  mode text NOT NULL CHECK (mode IN ('headless', 'interactive')),
  project_dir text,
  portable boolean NOT NULL DEFAULT false,
  -- null for a resume that is made of inbox items only
  prompt text,
  parameters jsonb NOT NULL DEFAULT '{}',
  blueprint jsonb,
  env jsonb NOT NULL DEFAULT '{}',
  resources jsonb NOT NULL DEFAULT '{}',
  scope jsonb NOT NULL DEFAULT '{}',
  demands jsonb NOT NULL DEFAULT '{}',
  labels jsonb NOT NULL DEFAULT '{}',
  parent_session_id text,
  parent_run_id text,
  execution_mode text NOT NULL CHECK (execution_mode IN ('sync', 'async_poll', 'async_callback')),
  join_policy text NOT NULL DEFAULT 'each' CHECK (join_policy IN ('each', 'all')),
  retry_of_run_id text,
  on_lost text NOT NULL CHECK (on_lost IN ('resume', 'restart', 'fail')),
  attempt integer NOT NULL DEFAULT 0 CHECK (attempt >= 0),
  deliveries integer NOT NULL DEFAULT 0 CHECK (deliveries >= 0),
  offers integer NOT NULL DEFAULT 0 CHECK (offers >= 0),
  runner_id text,
  instance_id text,
  claim_id text,
  poll_id text,
  -- the supervisor's random name, bound by its first hello
  incarnation text,
  -- claimed by a runner without a supervisor of ours
  plain boolean NOT NULL DEFAULT false,
  lease_expires_at timestamptz,
  renewed_at timestamptz,
  not_before timestamptz,
  -- its offers lapsed: no runner is offered it again before this
  offer_after timestamptz,
  queue_expires_at timestamptz,
  stop_requested_at timestamptz,
  stop_reason text,
  stop_told_at timestamptz,
  outcome text CHECK (outcome IN ('completed', 'completed_with_denials', 'needs_input', 'interrupted', 'usage_limited', 'budget_exceeded', 'refused', 'agent_error',
    'executor_error', 'infra_error', 'timeout', 'idle_timeout', 'lost', 'poison', 'expired', 'stopped')),
  error jsonb,
  result_text text,
  result_data jsonb,
  usage jsonb,
  exit jsonb,
  created_at timestamptz NOT NULL DEFAULT now(),
  claimed_at timestamptz,
  started_at timestamptz,
  finished_at timestamptz,
  FOREIGN KEY (project_id, session_id) REFERENCES sessions (project_id, id) ON DELETE CASCADE,
  CONSTRAINT terminal_has_end CHECK ((finished_at IS NOT NULL) = (state IN ('completed', 'failed', 'stopped'))),
  CONSTRAINT terminal_has_outcome CHECK ((outcome IS NOT NULL) = (state IN ('completed', 'failed', 'stopped'))),
  CONSTRAINT active_has_lease CHECK ((lease_expires_at IS NOT NULL) = (state IN ('claimed', 'running', 'stopping'))),
  CONSTRAINT active_has_claim CHECK (state NOT IN ('claimed', 'running', 'stopping') OR (attempt > 0 AND runner_id IS NOT NULL AND claim_id IS NOT NULL)),
  CONSTRAINT running_has_start CHECK (state <> 'running' OR (started_at IS NOT NULL AND phase IS NOT NULL)),
  CONSTRAINT ready_is_pending CHECK (NOT ready OR (state = 'pending' AND waiting_for IS NULL)),
  CONSTRAINT unready_says_why CHECK (state <> 'pending' OR ready OR waiting_for IS NOT NULL),
  CONSTRAINT counted CHECK (deliveries + offers <= attempt)
);
-- single writer: at most one run of a session is claimed, running or stopping
CREATE UNIQUE INDEX runs_one_active ON runs (project_id, session_id) WHERE state IN ('claimed', 'running', 'stopping');
CREATE INDEX runs_ready ON runs (lane_id, priority, number) WHERE ready;
CREATE INDEX runs_waiting ON runs (number) WHERE state = 'pending' AND NOT ready;
CREATE INDEX runs_queue_expiry ON runs (queue_expires_at) WHERE state = 'pending' AND queue_expires_at IS NOT NULL;
CREATE INDEX runs_leases ON runs (lease_expires_at) WHERE lease_expires_at IS NOT NULL;
CREATE INDEX runs_held_by ON runs (runner_id) WHERE state IN ('claimed', 'running', 'stopping');
CREATE INDEX runs_by_session ON runs (project_id, session_id, number);
CREATE INDEX runs_by_parent_run ON runs (parent_run_id) WHERE parent_run_id IS NOT NULL;
CREATE INDEX runs_newest ON runs (project_id, number DESC);
CREATE INDEX runs_newest_by_state ON runs (project_id, state, number DESC);

-- Ends are immutable, whoever writes.
CREATE FUNCTION refuse_change_of_end() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF OLD.state IN ('completed', 'failed', 'stopped') AND (NEW.state, NEW.outcome, NEW.finished_at, NEW.attempt) IS DISTINCT FROM (OLD.state, OLD.outcome, OLD.finished_at, OLD.attempt) THEN
    RAISE EXCEPTION 'run % has ended as % and cannot change', OLD.id, OLD.state USING ERRCODE = 'PX001';
  END IF;
  IF NEW.attempt < OLD.attempt THEN
    RAISE EXCEPTION 'attempt of run % cannot go back', OLD.id USING ERRCODE = 'PX002';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER runs_ends_are_immutable BEFORE UPDATE ON runs FOR EACH ROW EXECUTE FUNCTION refuse_change_of_end();

CREATE TABLE attempts (
  run_id text NOT NULL REFERENCES runs (id) ON DELETE CASCADE,
  attempt integer NOT NULL CHECK (attempt > 0),
  runner_id text NOT NULL,
  instance_id text,
  claim_id text NOT NULL,
  poll_id text,
  incarnation text,
  hostname text,
  claimed_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  started_at timestamptz,
  supervised_at timestamptz,
  ended_at timestamptz,
  end_reason text CHECK (end_reason IN ('lapsed', 'withdrawn', 'lost', 'completed', 'failed', 'stopped', 'given_up')),
  next_frame integer NOT NULL DEFAULT 1 CHECK (next_frame > 0),
  -- told by the completion: how many frames belong to this attempt, and what they hash to
  last_frame integer,
  log_bytes bigint,
  log_sha256 text,
  log_state text NOT NULL DEFAULT 'open' CHECK (log_state IN ('open', 'sealed', 'cut', 'incomplete')),
  -- hash of the accepted end's body: a repeat of the same gets the same 200, anything else 409
  end_hash text,
  PRIMARY KEY (run_id, attempt),
  CHECK ((ended_at IS NULL) = (end_reason IS NULL))
);

-- A poll whose offers lapsed is offered nothing more.
CREATE INDEX attempts_lapsed ON attempts (runner_id, poll_id) WHERE end_reason = 'lapsed';

-- The row that is locked to give an event its place in the run's sequence.
CREATE TABLE streams (
  run_id text PRIMARY KEY REFERENCES runs (id) ON DELETE CASCADE,
  last_seq integer NOT NULL DEFAULT 0 CHECK (last_seq >= 0),
  sealed_at timestamptz
);
CREATE INDEX streams_open ON streams (run_id) WHERE sealed_at IS NULL;
CREATE TABLE events (
  run_id text NOT NULL REFERENCES runs (id) ON DELETE CASCADE,
  seq integer NOT NULL CHECK (seq > 0),
  attempt integer NOT NULL,
  frame integer,
  type text NOT NULL,
  at text NOT NULL,
  -- text, not jsonb: readers get the bytes that were hashed
  data text NOT NULL,
  PRIMARY KEY (run_id, seq)
);

-- What a child's end owes its parent; inherited by every resume of the child until it settles.
CREATE TABLE duties (
  id text PRIMARY KEY,
  project_id text NOT NULL,
  parent_session_id text NOT NULL,
  parent_run_id text,
  child_session_id text NOT NULL,
  origin_run_id text NOT NULL,
  state text NOT NULL DEFAULT 'owed' CHECK (state IN ('owed', 'paid')),
  created_at timestamptz NOT NULL DEFAULT now(),
  paid_at timestamptz,
  FOREIGN KEY (project_id, parent_session_id) REFERENCES sessions (project_id, id) ON DELETE CASCADE,
  CHECK ((paid_at IS NOT NULL) = (state = 'paid'))
);
CREATE UNIQUE INDEX duties_one_owed ON duties (project_id, parent_session_id, child_session_id) WHERE state = 'owed';
CREATE INDEX duties_owed_by ON duties (project_id, child_session_id) WHERE state = 'owed';
CREATE INDEX duties_of_group ON duties (parent_run_id) WHERE state = 'owed';

CREATE TABLE inbox_items (
  id text PRIMARY KEY,
  number bigint GENERATED ALWAYS AS IDENTITY UNIQUE,
  project_id text NOT NULL,
  session_id text NOT NULL,
  kind text NOT NULL CHECK (kind IN ('child_done', 'message', 'answer', 'limit_reset', 'timer')),
  state text NOT NULL DEFAULT 'new' CHECK (state IN ('new', 'assigned', 'taken', 'consumed', 'set_aside')),
  -- a duty is paid once
  duty_id text UNIQUE REFERENCES duties (id) ON DELETE SET NULL,
  child_session_id text,
  -- the parent's run that started the child: its join decides when the group wakes the parent
  group_run_id text,
  payload jsonb NOT NULL,
  run_id text REFERENCES runs (id) ON DELETE SET NULL,
  attempt integer,
  deliveries integer NOT NULL DEFAULT 0,
  not_before timestamptz,
  -- reserved by a waiting call (run, attempt, call) that will hand it out
  reserved_by text,
  created_at timestamptz NOT NULL DEFAULT now(),
  consumed_at timestamptz,
  FOREIGN KEY (project_id, session_id) REFERENCES sessions (project_id, id) ON DELETE CASCADE,
  CHECK ((consumed_at IS NOT NULL) = (state = 'consumed')),
  CHECK (state NOT IN ('assigned', 'taken') OR run_id IS NOT NULL)
);
CREATE INDEX inbox_open ON inbox_items (project_id, session_id, number) WHERE state <> 'consumed';
CREATE INDEX inbox_of_run ON inbox_items (run_id) WHERE state IN ('assigned', 'taken');
CREATE INDEX inbox_new ON inbox_items (number) WHERE state = 'new';

CREATE TABLE directives (
  run_id text NOT NULL REFERENCES runs (id) ON DELETE CASCADE,
  attempt integer NOT NULL,
  seq integer NOT NULL CHECK (seq > 0),
  kind text NOT NULL CHECK (kind IN ('stop', 'interrupt', 'message')),
  reason text,
  item_id text,
  created_at timestamptz NOT NULL DEFAULT now(),
  acknowledged_at timestamptz,
  PRIMARY KEY (run_id, attempt, seq)
);

-- A call of an agent through its gateway is a write of its attempt; a repeat after a lost answer is the same call.
CREATE TABLE gateway_calls (
  run_id text NOT NULL REFERENCES runs (id) ON DELETE CASCADE,
  attempt integer NOT NULL,
  call integer NOT NULL CHECK (call > 0),
  tool text NOT NULL,
  answer jsonb NOT NULL,
  created_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (run_id, attempt, call)
);

CREATE TABLE idempotency_keys (
  project_id text NOT NULL,
  key text NOT NULL,
  request_hash text NOT NULL,
  answer jsonb NOT NULL,
  created_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (project_id, key)
);
