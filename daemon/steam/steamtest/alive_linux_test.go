package steamtest

import (
	"os"
	"os/exec"
	"testing"
)

func TestAlive(t *testing.T) {
	cmd := exec.Command("true")
	if err := cmd.Run(); err != nil {
		t.Fatal(err)
	}
	if !Alive(os.Getpid()) || Alive(cmd.Process.Pid) {
		t.Error("wrong about a process")
	}
}
