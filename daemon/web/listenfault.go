package web

import (
	"errors"

	"github.com/quartermasterd/quartermaster/daemon/fault"
)

// listenFault says why an address cannot be bound, in words.
func listenFault(address string, err error) error {
	const hint = "Stop that program, or choose another address with http.listen or --listen"
	switch {
	case errors.Is(err, errAddrInUse):
		if holder := portHolder("/proc", address); holder != "" {
			return fault.Wrap(err, fault.Unavailable, "The address %s is already in use by %s", address, holder).WithHint(hint)
		}
		return fault.Wrap(err, fault.Unavailable, "The address %s is already in use by another program", address).WithHint(hint)
	case errors.Is(err, errMayNotListen):
		return fault.Wrap(err, fault.Unavailable, "We may not listen on %s", address).
			WithHint("Ports below 1024 need a privilege: choose a higher port, or run as the installed service")
	}
	return fault.Wrap(err, fault.Unavailable, "We cannot listen on %s", address).
		WithHint("http.listen takes host:port with an address of this machine, or only :port for all of them")
}
