package ossvc

import (
	"context"
	"io"
	"os"

	"github.com/kardianos/service"
)

var stopSignals = []os.Signal{os.Interrupt}

// Run runs the daemon under the Windows service manager, which wants Start
// to return at once and sends the stop as a call.
func Run(ctx context.Context, stderr io.Writer, run func(context.Context) error) error {
	s, err := New()
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	p := &program{ctx: ctx, cancel: cancel, run: run, stderr: stderr, done: make(chan error, 1)}
	svc, err := service.New(p, s.definition())
	if err != nil {
		return err
	}
	if p.log, err = svc.Logger(nil); err != nil {
		return err
	}
	return svc.Run()
}

// program adapts the daemon to the library. A daemon that fails after its
// start exits the process, since only a crash makes Windows restart it: a
// returned error counts as a clean stop.
type program struct {
	ctx    context.Context
	cancel context.CancelFunc
	run    func(context.Context) error
	stderr io.Writer
	log    service.Logger
	done   chan error
}

func (p *program) Start(service.Service) error {
	go func() {
		err := supervise(p.ctx, nil, p.stderr, p.run, func() {})
		if err != nil && p.ctx.Err() == nil {
			_ = p.log.Error("Quartermaster stopped: " + err.Error()) // the exit code says it too
			os.Exit(1)
		}
		p.done <- err
	}()
	return nil
}

func (p *program) Stop(service.Service) error {
	p.cancel()
	return <-p.done
}

// Reload returns a channel that never receives: Windows has no such signal.
func Reload() (<-chan os.Signal, func()) { return make(chan os.Signal), func() {} }
