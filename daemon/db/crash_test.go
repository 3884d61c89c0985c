package db

import (
	"bufio"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// childEnv tells the test binary to be a child: "write DIR" or "count DIR N".
const childEnv = "QUARTERMASTER_DB_TEST_CHILD"

func TestMain(m *testing.M) {
	if task := os.Getenv(childEnv); task != "" {
		if err := child(strings.Fields(task)); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

func startChild(t *testing.T, task ...string) (*exec.Cmd, io.Reader) {
	t.Helper()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(exe)
	cmd.Env = append(os.Environ(), childEnv+"="+strings.Join(task, " "))
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	return cmd, out
}

func child(task []string) error {
	d, err := Open(ctx, Options{Dir: task[1]})
	if err != nil {
		return err
	}
	if task[0] == "count" {
		times, err := strconv.Atoi(task[2])
		if err != nil {
			return err
		}
		return count(d, times)
	}
	return writeForEver(d)
}

// count adds one to the counter many times.
func count(d *DB, times int) error {
	for range times {
		err := d.Write(ctx, func(tx *Tx) error {
			var n int
			if err := tx.QueryRow(ctx, "SELECT id FROM row").Scan(&n); err != nil {
				return err
			}
			_, err := tx.Exec(ctx, "UPDATE row SET id = $1", n+1)
			return err
		})
		if err != nil {
			return err
		}
	}
	return d.Close()
}

// writeForEver adds rows from several goroutines and prints the id of each
// one that was acknowledged, until it is killed.
func writeForEver(d *DB) error {
	var mu sync.Mutex
	var next int
	err := d.Read(ctx, func(tx *Tx) error {
		return tx.QueryRow(ctx, "SELECT coalesce(max(id), 0) + 1 FROM row").Scan(&next)
	})
	if err != nil {
		return err
	}
	failed := make(chan error)
	for range 8 {
		go func() {
			for {
				mu.Lock()
				id := next
				next++
				mu.Unlock()
				if err := d.Write(ctx, func(tx *Tx) error { return addRow(tx, id) }); err != nil {
					failed <- err
					return
				}
				fmt.Println(id)
			}
		}()
	}
	return <-failed
}

// What was acknowledged before a kill -9 is there after it, every time, and
// the database is whole and opens by itself.
func TestR1_KilledWriterLosesNothingAcknowledged(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 0))
	dir := t.TempDir()
	d := openTest(t, dir)
	mustExec(t, d, "CREATE TABLE row (id INTEGER PRIMARY KEY, body BLOB) STRICT")
	if err := d.Close(); err != nil {
		t.Fatal(err)
	}
	acknowledged := make(map[int]bool)
	rounds := 6
	if n, err := strconv.Atoi(os.Getenv("QUARTERMASTER_TEST_KILLS")); err == nil {
		rounds = n
	}
	for round := range rounds {
		killAfter(t, dir, 1+random.IntN(400), acknowledged)
		d, err := Open(ctx, Options{Dir: dir})
		if err != nil {
			t.Fatalf("round %d: %v", round, err)
		}
		have := make(map[int]bool)
		err = d.Read(ctx, func(tx *Tx) error {
			rows, err := tx.Query(ctx, "SELECT id FROM row")
			if err != nil {
				return err
			}
			for rows.Next() {
				var id int
				if err := rows.Scan(&id); err != nil {
					return err
				}
				have[id] = true
			}
			return rows.Err()
		})
		if err != nil {
			t.Fatal(err)
		}
		for id := range acknowledged {
			if !have[id] {
				t.Errorf("round %d: row %d was acknowledged and is lost", round, id)
			}
		}
		var verdict string
		if err := d.write.QueryRow("PRAGMA integrity_check").Scan(&verdict); err != nil || verdict != "ok" {
			t.Errorf("round %d: integrity_check: %s, %v", round, verdict, err)
		}
		if err := d.Close(); err != nil {
			t.Fatal(err)
		}
	}
	t.Logf("figures: %d kills, %d rows acknowledged, 0 lost, integrity_check ok each time", rounds, len(acknowledged))
}

// killAfter lets a child write until it has acknowledged n rows, kills it and
// collects all that it acknowledged.
func killAfter(t *testing.T, dir string, n int, acknowledged map[int]bool) {
	t.Helper()
	cmd, out := startChild(t, "write", dir)
	watchdog := time.AfterFunc(30*time.Second, func() { _ = cmd.Process.Kill() })
	defer watchdog.Stop()
	lines := bufio.NewScanner(out)
	seen := 0
	for lines.Scan() {
		id, err := strconv.Atoi(lines.Text())
		if err != nil {
			break // cut off by the kill
		}
		acknowledged[id] = true
		if seen++; seen == n {
			if err := cmd.Process.Kill(); err != nil {
				t.Error(err)
			}
		}
	}
	if err := cmd.Wait(); err == nil || seen < n {
		t.Fatalf("the child ended by itself after %d rows: %v", seen, err)
	}
}

// Two processes that write the same database lose nothing to each other.
func TestTwoProcessesShareTheDatabase(t *testing.T) {
	d := openRows(t)
	mustExec(t, d, "INSERT INTO row (id) VALUES (0)")
	const each = 100
	cmd, _ := startChild(t, "count", d.dir, strconv.Itoa(each))
	for range each {
		err := d.Write(ctx, func(tx *Tx) error {
			_, err := tx.Exec(ctx, "UPDATE row SET id = id + 1")
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := cmd.Wait(); err != nil {
		t.Fatal(err)
	}
	var n int
	if err := d.Read(ctx, func(tx *Tx) error { return tx.QueryRow(ctx, "SELECT id FROM row").Scan(&n) }); err != nil || n != 2*each {
		t.Errorf("counted to %d, %v, want %d", n, err, 2*each)
	}
}
