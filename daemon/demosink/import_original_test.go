package demosink

import (
	"bytes"
	"context"
	"database/sql"
	"os"
	"path/filepath"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/quartermasterd/quartermaster/daemon/db/dbtest"
	"github.com/quartermasterd/quartermaster/daemon/demosink/masterbase"
)

// The tables of a masterbase after all of its migrations.
const originalSchema = `
CREATE TYPE report_reason AS ENUM ('bot', 'cheater');
CREATE TYPE verdict AS ENUM ('none', 'benign', 'inconclusive', 'confirmed', 'error');
CREATE TABLE api_keys (steam_id varchar PRIMARY KEY, api_key varchar, created_at timestamptz, updated_at timestamptz, oid_hash varchar);
CREATE TABLE losers (steam_id varchar PRIMARY KEY, created_at timestamptz, updated_at timestamptz);
CREATE TABLE analyst_steam_ids (steam_id varchar PRIMARY KEY);
CREATE TABLE demo_sessions (steam_id varchar REFERENCES api_keys, session_id varchar PRIMARY KEY, demo_name varchar, active boolean, open boolean,
	start_time timestamptz, end_time timestamptz, fake_ip varchar, map varchar, steam_api_data jsonb, ingested boolean, demo_size integer,
	late_bytes bytea, markov_score double precision, created_at timestamptz, updated_at timestamptz, pruned boolean NOT NULL DEFAULT false);
CREATE TABLE reports (session_id varchar REFERENCES demo_sessions, target_steam_id varchar, created_at timestamptz, reason report_reason,
	PRIMARY KEY (session_id, target_steam_id));
CREATE TABLE analysis (session_id varchar REFERENCES demo_sessions, target_steam_id varchar, algorithm_type varchar, detection_count integer,
	created_at timestamptz, PRIMARY KEY (session_id, target_steam_id, algorithm_type));
CREATE TABLE reviews (session_id varchar REFERENCES demo_sessions, target_steam_id varchar, reviewer_steam_id varchar, verdict verdict,
	created_at timestamptz, PRIMARY KEY (session_id, target_steam_id, reviewer_steam_id));
CREATE TABLE broadcasts (message varchar PRIMARY KEY, importance varchar, created_at timestamptz);
CREATE TABLE prune_config (max_storage_gb integer DEFAULT 0, max_prune_ratio double precision DEFAULT 0.05);
`

// Sessions of the original, by what they show.
const (
	wholeID   = "113059749145936325402354257176981405696"
	foundID   = "240110"
	emptyID   = "240111"
	prunedID  = "240112"
	lostID    = "240113"
	cutID     = "240114"
	activeID  = "240115"
	foreignID = "240116"
	noDemoID  = "340282366920938463463374607431768211455" // 2^128-1
)

const originalKey = "MB-0123456789abcdefghijklmnopqrstuvwxyzABCDEF-"

const originalRows = `
INSERT INTO api_keys VALUES ('76561197960287930', '` + originalKey + `', '2024-05-01 10:00:00+00', '2024-05-01 10:00:00+00', NULL),
	('76561198000000001', 'guess', '2024-05-01 10:00:00+00', '2024-05-01 10:00:00+00', NULL);
INSERT INTO losers VALUES ('76561198000000005', '2024-05-01 10:00:00+00', '2024-05-01 10:00:00+00');
INSERT INTO analyst_steam_ids VALUES ('76561198000000002');
INSERT INTO demo_sessions VALUES
	('76561197960287930', '` + wholeID + `', 'a,"b".dem', false, false, '2024-06-02 10:11:12.131415+00', '2024-06-02 10:41:12+00', '169.254.189.228:41928', 'pl_pier',
		NULL, false, 5000, '\x` + lateHex + `', 5.504555168670354e-05, '2024-06-02 10:11:12.131415+00', '2024-06-02 10:41:12+00', false),
	('76561197960287930', '` + foundID + `', '', false, false, '2024-06-03 10:00:00+00', '2024-06-03 10:30:00+00', '169.254.189.228:41928', 'pl_pier',
		NULL, true, 6000, NULL, 'NaN', '2024-06-03 10:00:00+00', '2024-06-03 11:00:00+00', false),
	('76561198000000001', '` + emptyID + `', 'e.dem', false, false, '2024-06-04 10:00:00+00', '2024-06-04 10:01:00+00', '1.2.3.4:27015', 'cp_dustbowl',
		NULL, false, NULL, NULL, NULL, '2024-06-04 10:00:00+00', '2024-06-04 10:01:00+00', false),
	('76561198000000001', '` + prunedID + `', 'p.dem', false, false, '2024-01-04 10:00:00+00', '2024-01-04 10:01:00+00', '1.2.3.4:27015', 'cp_dustbowl',
		NULL, true, 7000, NULL, 4e-05, '2024-01-04 10:00:00+00', '2024-01-05 10:01:00+00', true),
	('76561198000000001', '` + lostID + `', 'l.dem', false, false, '2024-06-05 10:00:00+00', '2024-06-05 10:01:00+00', '1.2.3.4:27015', 'cp_dustbowl',
		NULL, false, 8000, NULL, 4e-05, '2024-06-05 10:00:00+00', '2024-06-05 10:01:00+00', false),
	('76561198000000001', '` + cutID + `', '../../c.dem', false, false, '2024-06-06 10:00:00+00', '2024-06-06 10:01:00+00', '1.2.3.4:27015', 'cp_dustbowl',
		NULL, false, 9000, NULL, NULL, '2024-06-06 10:00:00+00', '2024-06-06 10:01:00+00', false),
	('76561198000000001', '` + activeID + `', 'x.dem', true, false, '2024-06-07 10:00:00+00', NULL, '1.2.3.4:27015', 'cp_dustbowl',
		NULL, false, NULL, NULL, NULL, '2024-06-07 10:00:00+00', '2024-06-07 10:00:00+00', false),
	('76561198000000001', '` + foreignID + `', 'f.dem', false, false, '2024-06-08 10:00:00+00', '2024-06-08 10:01:00+00', '169.254.189.228:41928', 'pl_pier',
		NULL, false, 5001, '\x` + lateHex + `', NULL, '2024-06-08 10:00:00+00', '2024-06-08 10:01:00+00', false),
	('76561198000000001', '` + noDemoID + `', 'n.dem', false, false, '2024-06-09 10:00:00+00', '2024-06-09 10:01:00+00', '1.2.3.4:27015', 'cp_dustbowl',
		NULL, false, 12, NULL, NULL, '2024-06-09 10:00:00+00', '2024-06-09 10:01:00+00', false),
	('76561198000000001', '../../etc/passwd', 'n.dem', false, false, '2024-06-09 10:00:00+00', '2024-06-09 10:01:00+00', '1.2.3.4:27015', 'cp_dustbowl',
		NULL, false, 12, NULL, NULL, '2024-06-09 10:00:00+00', '2024-06-09 10:01:00+00', false);
INSERT INTO reports VALUES
	('` + wholeID + `', '76561198000000009', '2024-06-02 10:20:00+00', 'cheater'),
	('` + foundID + `', '76561198000000009', '2024-06-03 10:20:00.5+00', 'bot'),
	('` + foundID + `', '76561198000000008', '2024-06-03 10:20:00+00', NULL);
INSERT INTO analysis VALUES ('` + foundID + `', '76561198000000009', 'viewangles', 3, '2024-06-03 11:00:00+00');
INSERT INTO reviews VALUES ('` + foundID + `', '76561198000000009', '76561198000000002', 'confirmed', '2024-06-04 11:00:00+00');
INSERT INTO broadcasts VALUES ('The server moves', 'high', '2025-02-10 17:03:28+00');
INSERT INTO prune_config VALUES (2, -0.1);
`

const originalAnalysis = `{"author":"a","detections":[{"tick":7,"algorithm":"viewangles","player":76561198000000009,"data":{"d":1}}],"duration":1,"map":"m","server_ip":"s"}`

// originalFiles are the objects of the two buckets.
func originalFiles() map[string][]byte {
	return map[string][]byte{
		"demoblobs/" + wholeID + ".dem":   withLate(demo(5000)),
		"demoblobs/" + foundID + ".dem":   withLate(demo(6000)),
		"demoblobs/" + prunedID + ".dem":  demo(7000), // about to be removed there
		"demoblobs/" + cutID + ".dem":     demo(8999),
		"demoblobs/" + foreignID + ".dem": demo(5001), // the row has what another player sent
		"demoblobs/" + noDemoID + ".dem":  []byte("hello, world"),
		"jsonblobs/" + foundID + ".json":  []byte(originalAnalysis),
		"jsonblobs/" + wholeID + ".json":  []byte(originalAnalysis), // not taken in yet
	}
}

// original makes the database of a masterbase and returns its address.
func original(t *testing.T) string {
	t.Helper()
	address := dbtest.PostgresURL(t)
	execAt(t, address, originalSchema+originalRows)
	return address
}

func execAt(t *testing.T, address, query string) {
	t.Helper()
	d, err := sql.Open("pgx", address)
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	if _, err := d.Exec(query); err != nil {
		t.Fatal(err)
	}
}

// exported writes a table as masterbase does, and returns the file.
func exported(t *testing.T, address, table string) string {
	t.Helper()
	c, err := pgx.Connect(t.Context(), address)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close(context.Background())
	var out bytes.Buffer
	if _, err := c.PgConn().CopyTo(t.Context(), &out, "COPY "+table+" TO STDOUT WITH (FORMAT csv, HEADER)"); err != nil {
		t.Fatal(err)
	}
	name := filepath.Join(t.TempDir(), table+"-2026-11-20.csv")
	if err := os.WriteFile(name, out.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	return name
}

func folderOf(t *testing.T, files map[string][]byte) *masterbase.Folder {
	t.Helper()
	dir := t.TempDir()
	for name, content := range files {
		path := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	f, err := masterbase.OpenFolder(dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = f.Close() })
	return f
}

func openOriginal(t *testing.T, address string) masterbase.Source {
	t.Helper()
	p, err := masterbase.OpenPostgres(t.Context(), address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = p.Close() })
	return p
}

func openExports(t *testing.T, address string) masterbase.Source {
	t.Helper()
	e, err := masterbase.OpenExports(t.Context(), exported(t, address, "demo_sessions"), exported(t, address, "reports"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = e.Close() })
	return e
}
