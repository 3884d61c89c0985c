package steamcmd

import (
	"fmt"
	"os"
	"os/exec"
	"sync"
	"syscall"
	"unsafe"

	"golang.org/x/sys/windows"
)

// group is a job object. Its only handle is ours, so it ends with us, and
// with it every process in it (JOB_OBJECT_LIMIT_KILL_ON_JOB_CLOSE).
type group struct {
	job  windows.Handle
	once sync.Once
}

func newGroup() (*group, error) {
	job, err := windows.CreateJobObject(nil, nil)
	if err != nil {
		return nil, fmt.Errorf("create a job object: %w", err)
	}
	info := windows.JOBOBJECT_EXTENDED_LIMIT_INFORMATION{}
	info.BasicLimitInformation.LimitFlags = windows.JOB_OBJECT_LIMIT_KILL_ON_JOB_CLOSE
	_, err = windows.SetInformationJobObject(job, windows.JobObjectExtendedLimitInformation,
		uintptr(unsafe.Pointer(&info)), uint32(unsafe.Sizeof(info)))
	if err != nil {
		_ = windows.CloseHandle(job)
		return nil, fmt.Errorf("limit a job object: %w", err)
	}
	return &group{job: job}, nil
}

// start runs the command in the group. The process begins suspended, so that
// it starts nothing before it is in the group.
func (g *group) start(cmd *exec.Cmd) error {
	cmd.SysProcAttr = &syscall.SysProcAttr{HideWindow: true, CreationFlags: windows.CREATE_SUSPENDED | windows.CREATE_NEW_PROCESS_GROUP}
	if err := cmd.Start(); err != nil {
		return err
	}
	err := g.adopt(uint32(cmd.Process.Pid))
	if err != nil {
		_ = cmd.Process.Kill()
		_ = cmd.Wait() // it was killed
	}
	return err
}

// resume continues a suspended process; ntdll has no documented call that
// takes a process, but every version of Windows has this one.
var resume = windows.NewLazySystemDLL("ntdll.dll").NewProc("NtResumeProcess")

func (g *group) adopt(pid uint32) error {
	const access = windows.PROCESS_SET_QUOTA | windows.PROCESS_TERMINATE | windows.PROCESS_SUSPEND_RESUME
	h, err := windows.OpenProcess(access, false, pid)
	if err != nil {
		return fmt.Errorf("open the process: %w", err)
	}
	defer windows.CloseHandle(h)
	if err := windows.AssignProcessToJobObject(g.job, h); err != nil {
		return fmt.Errorf("put the process into a job object: %w", err)
	}
	if status, _, _ := resume.Call(uintptr(h)); status != 0 {
		return fmt.Errorf("resume the process: status 0x%x", status)
	}
	return nil
}

// terminate is kill: a console program without a console cannot be asked.
func (g *group) terminate() { g.kill() }

// kill ends every process in the group. It may be called often.
func (g *group) kill() {
	g.once.Do(func() {
		_ = windows.TerminateJobObject(g.job, 1)
		_ = windows.CloseHandle(g.job)
	})
}

// aborted is told by the exit code here, which is 134 or 3.
func aborted(*os.ProcessState) bool { return false }
