package steamtest

import (
	"bytes"
	"fmt"
	"os"
)

// Alive reports whether the process runs. One that has ended and that nobody
// has waited for does not (proc(5): state Z or X).
func Alive(pid int) bool {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return false
	}
	i := bytes.LastIndexByte(stat, ')')
	return i < 0 || i+2 >= len(stat) || stat[i+2] != 'Z' && stat[i+2] != 'X'
}
