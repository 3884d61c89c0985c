package main

import (
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
)

// ownGroup puts a process and its children into a group of their own, and
// makes the kernel end it when we die.
func ownGroup(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGTERM}
}

func interrupt(cmd *exec.Cmd) { _ = syscall.Kill(cmd.Process.Pid, syscall.SIGTERM) } // gone is fine
func kill(cmd *exec.Cmd)      { _ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }

// clockTick is the unit of /proc/PID/stat, the same on every Linux that Go
// runs on.
const clockTick = 100

// ownCPU returns the processor seconds that we have used, without children.
func ownCPU() (float64, error) { return cpuOf(os.Getpid()) }

func cpuOf(pid int) (float64, error) {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return 0, err
	}
	fields := strings.Fields(string(stat[strings.LastIndexByte(string(stat), ')')+2:]))
	user, _ := strconv.ParseFloat(fields[11], 64) // proc(5): utime
	system, _ := strconv.ParseFloat(fields[12], 64)
	return (user + system) / clockTick, nil
}

// usage returns the processor seconds that a process and its children have
// used and the memory they hold (PSS, in MB).
func usage(pid int) (cpu, pss float64, err error) {
	for _, pid := range family(pid) {
		used, err := cpuOf(pid)
		if err != nil {
			return 0, 0, err
		}
		cpu += used
		memory, err := os.ReadFile(fmt.Sprintf("/proc/%d/smaps_rollup", pid))
		if err != nil {
			return 0, 0, err
		}
		for line := range strings.Lines(string(memory)) {
			if f := strings.Fields(line); len(f) == 3 && f[0] == "Pss:" {
				kb, _ := strconv.ParseFloat(f[1], 64)
				pss += kb / 1024
			}
		}
	}
	return cpu, pss, nil
}

// family is a process and its children.
func family(pid int) []int {
	pids := []int{pid}
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/task/%d/children", pid, pid))
	if err != nil {
		return pids
	}
	for f := range strings.FieldsSeq(string(text)) {
		if child, err := strconv.Atoi(f); err == nil {
			pids = append(pids, child)
		}
	}
	return pids
}

// openFiles is how many files a program that we start may have open.
func openFiles() (uint64, error) {
	var limit syscall.Rlimit
	err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit)
	return limit.Max, err
}
