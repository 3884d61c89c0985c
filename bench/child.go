package main

import (
	"bytes"
	"fmt"
	"os/exec"
	"strings"
	"time"
)

// used is what a program took that ran to its end.
type used struct {
	seconds, cpu float64
	pss          float64 // the most it was seen to hold, in MB
}

// then is the sum of two programs that ran one after the other.
func (u used) then(next used) used {
	return used{u.seconds + next.seconds, u.cpu + next.cpu, max(u.pss, next.pss)}
}

// lookEvery is how often the memory of a program is looked at: too seldom to
// cost anything, often enough for what runs a second.
const lookEvery = 20 * time.Millisecond

// timed runs a program to its end. The error has its complaint.
func timed(cmd *exec.Cmd) (used, error) {
	var u used
	var complaint bytes.Buffer
	cmd.Stderr = &complaint
	start := time.Now()
	if err := cmd.Start(); err != nil {
		return u, err
	}
	done := make(chan error, 1)
	go func() { done <- cmd.Wait() }()
	look := time.NewTicker(lookEvery)
	defer look.Stop()
	for {
		select {
		case err := <-done:
			u.seconds = time.Since(start).Seconds()
			if err != nil {
				return u, fmt.Errorf("%s: %w: %s", cmd.Path, err, strings.TrimSpace(complaint.String()))
			}
			u.cpu = (cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()).Seconds()
			return u, nil
		case <-look.C:
			if _, pss, err := usage(cmd.Process.Pid); err == nil { // else it is just ending
				u.pss = max(u.pss, pss)
			}
		}
	}
}
