-- Derived tables: what the projector has to know to bring one more entry into the graph without asking the graph.
-- A function of the ledger's entries up to the checkpoint, and never the truth: rebuilt by replay.
-- Times are in ms since 1970-01-01Z. `bodies`: how many plan bodies that count say the same; of aliases, with the
-- systems that list datasets.

CREATE TABLE meta (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;

-- Entries that could not be brought into the graph. `retrying`: a retry began, and may have reached the graph.
CREATE TABLE parked (
    sequence INTEGER PRIMARY KEY, kind TEXT NOT NULL, reason TEXT NOT NULL, at_ms INTEGER NOT NULL,
    retrying INTEGER NOT NULL DEFAULT 0
);
-- The datasets that a parked entry names, and whether they were `written` or `read`; both empty: nobody knows which.
CREATE TABLE parked_names (
    dataset TEXT NOT NULL, role TEXT NOT NULL, sequence INTEGER NOT NULL, PRIMARY KEY (dataset, role, sequence)
) WITHOUT ROWID;
CREATE INDEX parked_names_of ON parked_names (sequence);

-- The body that counts for one plan id of an agent: where the ledger has it (`sequence`, as `rows.BodyRef.stored` has
-- it: the entry, and which of the entry's plans), and its summary as JSON.
CREATE TABLE bodies (
    agent_plan_id TEXT PRIMARY KEY, sequence INTEGER NOT NULL, plan TEXT NOT NULL, summary TEXT NOT NULL,
    executed INTEGER NOT NULL DEFAULT 0, succeeded INTEGER NOT NULL DEFAULT 0
) WITHOUT ROWID;
CREATE INDEX bodies_of_plan ON bodies (plan);
CREATE INDEX bodies_not_executed ON bodies (agent_plan_id) WHERE executed = 0;

-- The report that counts for one event. `joined`: its plan is known.
CREATE TABLE events (
    run TEXT PRIMARY KEY, agent_plan_id TEXT NOT NULL, timestamp INTEGER NOT NULL, duration_ns INTEGER, app_id TEXT,
    user TEXT, error TEXT, job_run TEXT, parent_job TEXT, parent_run TEXT, run_id TEXT, facts TEXT NOT NULL,
    received_ms INTEGER NOT NULL, joined INTEGER NOT NULL
) WITHOUT ROWID;
CREATE INDEX events_of_plan ON events (agent_plan_id);
CREATE INDEX events_waiting ON events (run) WHERE joined = 0;

-- Entries that say something only together (the events of one OpenLineage run), by the group that they belong to, in
-- the order in which they came into these tables: `added`. `passed_by`: the entry, by its `added`, with which it became
-- known that this one says nothing beside the others: of the events of a job without a run the last one alone counts.
CREATE TABLE parts (
    added INTEGER PRIMARY KEY, sequence INTEGER NOT NULL UNIQUE, kind TEXT NOT NULL, of TEXT NOT NULL,
    received_ms INTEGER NOT NULL, passed_by INTEGER
);
CREATE INDEX parts_of ON parts (of);
CREATE INDEX parts_that_count ON parts (of) WHERE passed_by IS NULL;
-- One row a group: whether it may come to something, the digest of its set of entries when it was folded last, what it
-- came to, its job, the group that it is a part of, and as JSON what it tells of the groups that are parts of it.
CREATE TABLE groups (
    id TEXT PRIMARY KEY, settled INTEGER NOT NULL, digest TEXT NOT NULL, outcome TEXT NOT NULL, job TEXT NOT NULL,
    parent TEXT NOT NULL, passes_on TEXT NOT NULL
) WITHOUT ROWID;
CREATE INDEX groups_of_parent ON groups (parent) WHERE parent <> '';
CREATE INDEX groups_by_outcome ON groups (outcome);
-- The plans that a group gives: no other entry gives one of these.
CREATE TABLE group_plans (
    of TEXT NOT NULL, agent_plan_id TEXT NOT NULL, PRIMARY KEY (of, agent_plan_id)
) WITHOUT ROWID;

-- One row a plan vertex: an entry with a body of this logic, how many bodies of it were executed and succeeded, and the
-- entry whose body gave the operations.
CREATE TABLE logics (
    plan TEXT PRIMARY KEY, sequence INTEGER NOT NULL, job TEXT NOT NULL,
    executed INTEGER NOT NULL, succeeded INTEGER NOT NULL, operations INTEGER, target TEXT NOT NULL
) WITHOUT ROWID;
CREATE INDEX logics_of_job ON logics (job);
CREATE INDEX logics_of_target ON logics (target);

CREATE TABLE schemas (
    dataset TEXT NOT NULL, hash TEXT NOT NULL, written INTEGER NOT NULL, columns TEXT NOT NULL, bodies INTEGER NOT NULL,
    PRIMARY KEY (dataset, hash)
) WITHOUT ROWID;
CREATE TABLE aliases (
    spelling TEXT NOT NULL, target TEXT NOT NULL, bodies INTEGER NOT NULL, PRIMARY KEY (spelling, target)
) WITHOUT ROWID;
CREATE TABLE partitioned (dataset TEXT PRIMARY KEY, bodies INTEGER NOT NULL) WITHOUT ROWID;

-- Successful writes by dataset and time. `twin`: the run of the write that this one reports again; `counted`: of several
-- reports of one write, the one that counts; `before`: the run whose version this one's hangs on. `may_repeat`: it may
-- be another report of a write.
CREATE TABLE writes (
    dataset TEXT NOT NULL, timestamp INTEGER NOT NULL, run TEXT NOT NULL, start INTEGER NOT NULL, app_id TEXT,
    plan TEXT NOT NULL, effect TEXT NOT NULL, role TEXT NOT NULL, signature TEXT NOT NULL, carried TEXT NOT NULL,
    secondary INTEGER NOT NULL, columns TEXT NOT NULL, may_repeat INTEGER NOT NULL,
    twin TEXT, counted INTEGER NOT NULL, before TEXT,
    PRIMARY KEY (dataset, timestamp, run)
) WITHOUT ROWID;
CREATE INDEX writes_that_may_repeat ON writes (dataset, timestamp) WHERE may_repeat;

-- Successful runs by dataset that they read, and time; with the write that they saw (null: none before).
CREATE TABLE reads (
    dataset TEXT NOT NULL, timestamp INTEGER NOT NULL, run TEXT NOT NULL, start INTEGER NOT NULL, app_id TEXT,
    doubtful INTEGER NOT NULL, seen_timestamp INTEGER, seen TEXT, certain INTEGER NOT NULL,
    PRIMARY KEY (dataset, timestamp, run)
) WITHOUT ROWID;
CREATE INDEX reads_of_initial ON reads (dataset) WHERE seen IS NULL;

-- Successful runs that renamed a column of a dataset: its old and its new name, in lower case.
CREATE TABLE renames (
    dataset TEXT NOT NULL, timestamp INTEGER NOT NULL, run TEXT NOT NULL, start INTEGER NOT NULL,
    old TEXT NOT NULL, new TEXT NOT NULL,
    PRIMARY KEY (dataset, timestamp, run, old)
) WITHOUT ROWID;
-- What columns are called in the graph, as JSON: of the datasets of which a plan can call them otherwise.
CREATE TABLE column_names (dataset TEXT PRIMARY KEY, names TEXT NOT NULL) WITHOUT ROWID;

-- The constants of each successful run that counts and has any, as JSON, by plan vertex and time.
CREATE TABLE constants (
    plan TEXT NOT NULL, timestamp INTEGER NOT NULL, run TEXT NOT NULL, constants TEXT NOT NULL,
    PRIMARY KEY (plan, timestamp, run)
) WITHOUT ROWID;
-- Those of the newest, as they are in the graph.
CREATE TABLE shown_constants (plan TEXT PRIMARY KEY, constants TEXT NOT NULL) WITHOUT ROWID;

-- The views of a dataset as they are in the graph, as JSON: its state, what the plans in it claim of its columns, and the
-- properties of its column vertices.
CREATE TABLE datasets (
    uri TEXT PRIMARY KEY, state TEXT NOT NULL, claims TEXT NOT NULL, columns TEXT NOT NULL
) WITHOUT ROWID;

-- The statement that counts, as JSON, by what a later one of its source replaces: `value` is a tag, or a statement's
-- name. `pattern`: it is a pattern, and stands.
CREATE TABLE statements (
    subject TEXT NOT NULL, kind TEXT NOT NULL, value TEXT NOT NULL, source TEXT NOT NULL, scope TEXT NOT NULL,
    pattern INTEGER NOT NULL, statement TEXT NOT NULL,
    PRIMARY KEY (subject, kind, value, source, scope)
) WITHOUT ROWID;
CREATE INDEX statements_retired ON statements (subject) WHERE value = 'retired';
CREATE INDEX statements_patterns ON statements (value) WHERE pattern;
CREATE INDEX statements_of_scope ON statements (source, scope) WHERE source <> 'people';
-- The last snapshot of each scope of a source: when it was taken (ms since 1970), its id, and its sender's
-- own hash of what it lists.
CREATE TABLE snapshots (
    source TEXT NOT NULL, scope TEXT NOT NULL, at INTEGER NOT NULL, id TEXT NOT NULL, digest TEXT NOT NULL,
    PRIMARY KEY (source, scope)
) WITHOUT ROWID;
-- The names of the datasets that systems list, each dataset's own among them (`renaming.name_pairs`): how many statements
-- give the dataset this name.
CREATE TABLE listed_names (
    name TEXT NOT NULL, dataset TEXT NOT NULL, bodies INTEGER NOT NULL, PRIMARY KEY (name, dataset)
) WITHOUT ROWID;
-- The same of what events call datasets: it counts for a name that no system lists.
CREATE TABLE called_names (
    name TEXT NOT NULL, dataset TEXT NOT NULL, bodies INTEGER NOT NULL, PRIMARY KEY (name, dataset)
) WITHOUT ROWID;
-- The datasets that plans and systems name, as they call them. If one of them is another's name by now, or is not any
-- more, the graph is to be drawn anew.
CREATE TABLE mentioned (name TEXT PRIMARY KEY) WITHOUT ROWID;
-- Which nodes have which tags in the graph.
CREATE TABLE tagged (tag TEXT NOT NULL, node TEXT NOT NULL, PRIMARY KEY (tag, node)) WITHOUT ROWID;
CREATE INDEX tagged_nodes ON tagged (node);

-- From when until when a plan contributes to the state of a dataset; `columns`: JSON, empty for all.
CREATE TABLE validities (
    dataset TEXT NOT NULL, plan TEXT NOT NULL, valid_from INTEGER NOT NULL, valid_to INTEGER NOT NULL,
    certain INTEGER NOT NULL, columns TEXT NOT NULL,
    PRIMARY KEY (dataset, plan, valid_from)
) WITHOUT ROWID;
CREATE INDEX validities_by_end ON validities (dataset, valid_to);
