package steamcmd

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/quartermasterd/quartermaster/daemon/steam/steamtest"
	"github.com/quartermasterd/quartermaster/daemon/steam/steamtest/fakecmd"
)

// gone fails when a process of a run is alive. A killed one may take a moment.
func (g *rig) gone() {
	g.t.Helper()
	all, err := g.fake.Runs()
	if err != nil {
		g.t.Fatal(err)
	}
	for _, run := range all {
		for _, pid := range append(run.Children, run.PID) {
			awaitGone(g.t, pid)
		}
	}
}

func awaitGone(t *testing.T, pid int) {
	t.Helper()
	for end := time.Now().Add(5 * time.Second); steamtest.Alive(pid); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Errorf("process %d is alive", pid)
			return
		}
	}
}

// members are the living processes of a group (proc(5): pgrp is the third
// field behind the name).
func members(t *testing.T, group int) []int {
	t.Helper()
	entries, err := os.ReadDir("/proc")
	if err != nil {
		t.Fatal(err)
	}
	var all []int
	for _, e := range entries {
		pid, err := strconv.Atoi(e.Name())
		if err == nil && groupOf(pid) == group && steamtest.Alive(pid) {
			all = append(all, pid)
		}
	}
	return all
}

func groupOf(pid int) int {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return 0
	}
	f := strings.Fields(string(stat[strings.LastIndexByte(string(stat), ')')+1:]))
	group, _ := strconv.Atoi(f[2]) // 0 is nobody's
	return group
}

// parentVariable makes this test binary a process that downloads and is
// killed: "<path of the fake>|<folder>".
const parentVariable = "STEAMCMD_TEST_PARENT"

// TestKilledParent: nothing of SteamCMD outlives a daemon that is killed, not
// even what ignores SIGTERM, was started by a script, and lost its parent.
func TestKilledParent(t *testing.T) {
	if set := os.Getenv(parentVariable); set != "" {
		parent(t, set)
		return
	}
	g := newRig(t)
	g.put(item, hanging)
	cmd := exec.Command(os.Args[0], "-test.run=^TestKilledParent$")
	cmd.Env = append(os.Environ(), parentVariable+"="+g.fake.Path()+"|"+g.dir)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	hangs := false
	for s := bufio.NewScanner(out); !hangs && s.Scan(); {
		hangs = strings.Contains(s.Text(), "hanging")
	}
	runs := g.runs()
	if !hangs || len(runs) != 1 {
		t.Fatal("it does not hang", runs)
	}
	group := groupOf(runs[0].PID)
	// The guard, the script, the program and its child.
	if got := members(t, group); len(got) != 4 || group == groupOf(os.Getpid()) {
		t.Errorf("group %d has %v", group, got)
	}
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	if err := cmd.Wait(); err == nil {
		t.Error("it ended by itself")
	}
	g.gone()
	for end := time.Now().Add(5 * time.Second); len(members(t, group)) > 0; time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("alive:", members(t, group))
		}
	}
	// The next daemon removes what is left and can work at once.
	if err := g.fake.Put(item, fakecmd.Item{}); err != nil {
		t.Fatal(err)
	}
	d := g.download(Job{})
	if d.Results[0].Err != nil {
		t.Error(d.Results[0].Err)
	}
	if err := d.Close(); err != nil {
		t.Error(err)
	}
	g.empty()
}

// parent is the process that is killed.
func parent(t *testing.T, set string) {
	path, dir, _ := strings.Cut(set, "|")
	r, err := New(Options{Path: path, Dir: dir, Tick: 5 * time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	_, err = r.Download(t.Context(), Job{App: app, Items: []uint64{item}, Progress: func(p Progress) {
		records, _ := filepath.Glob(filepath.Join(filepath.Dir(path), "runs", "*.json"))
		for _, name := range records {
			if text, err := os.ReadFile(name); err == nil && strings.Contains(string(text), `"Children":[`) {
				fmt.Println("hanging")
			}
		}
	}})
	t.Fatal("it came to an end:", errors.Join(err))
}
