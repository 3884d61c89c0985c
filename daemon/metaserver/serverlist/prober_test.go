package serverlist

import (
	"context"
	"errors"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/quartermasterd/quartermaster/daemon/db/dbtest"
	"github.com/quartermasterd/quartermaster/daemon/fault"
)

// probed notes which addresses were asked.
type probed struct {
	asked []string
	err   error
	names map[string][]netip.Addr
}

func (p *probed) options(o *Options) {
	o.ProbeA2S = func(_ context.Context, at netip.AddrPort) error {
		p.asked = append(p.asked, "udp "+at.String())
		return p.err
	}
	o.ProbeTCP = func(_ context.Context, at netip.AddrPort) error {
		p.asked = append(p.asked, "tcp "+at.String())
		return p.err
	}
	o.Resolve = func(_ context.Context, host string) ([]netip.Addr, error) {
		p.asked = append(p.asked, "name "+host)
		if all := p.names[host]; all != nil {
			return all, nil
		}
		return nil, errors.New("there is no such name")
	}
}

func at(hosts ...string) (all []netip.Addr) {
	for _, h := range hosts {
		all = append(all, netip.MustParseAddr(h))
	}
	return all
}

func TestCheck(t *testing.T) {
	for _, c := range []struct {
		host, kind string
		port       int
		private    bool
		err        error
		outcome    Outcome
		asked      string
	}{
		{"8.8.8.8", "", 27015, false, nil, Reachable, "udp 8.8.8.8:27015"},
		{"8.8.8.8", KindTCP, 27015, false, nil, Reachable, "tcp 8.8.8.8:27015"},
		{"8.8.8.8", "", 27015, false, errors.New("silence"), NoAnswer, "udp 8.8.8.8:27015"},
		{"2606:4700::1", "", 27015, false, nil, Reachable, "udp [2606:4700::1]:27015"},
		{"https://8.8.8.8:8443/x", "", 27015, false, nil, Reachable, "udp 8.8.8.8:27015"},
		{"good.example.org", "", 27015, false, nil, Reachable, "name good.example.org, udp 8.8.4.4:27015"},
		{"https://good.example.org/x", KindTCP, 27015, false, nil, Reachable, "name good.example.org, tcp 8.8.4.4:27015"},
		// The address that was judged is the one that is asked.
		{"mixed.example.org", "", 27015, false, nil, Reachable, "name mixed.example.org, udp 8.8.4.4:27015"},
		{"inside.example.org", "", 27015, false, nil, PrivateHost, "name inside.example.org"},
		{"none.example.org", "", 27015, false, nil, UnknownName, "name none.example.org"},
		{"8.8.8.8", "", 53, false, nil, ReservedPort, ""},
		{"8.8.8.8", "", 1023, true, nil, ReservedPort, ""},
		{"8.8.8.8", "", 1024, false, nil, Reachable, "udp 8.8.8.8:1024"},
		{"192.168.1.5", "", 27015, true, nil, Reachable, "udp 192.168.1.5:27015"},
		{"127.0.0.1", "", 27015, true, nil, Reachable, "udp 127.0.0.1:27015"},
		{"224.0.0.1", "", 27015, true, nil, PrivateHost, ""},
		{"255.255.255.255", "", 27015, true, nil, PrivateHost, ""},
		{"0.0.0.0", "", 27015, true, nil, PrivateHost, ""},
	} {
		t.Run(c.host+c.kind, func(t *testing.T) {
			p := &probed{err: c.err, names: map[string][]netip.Addr{
				"good.example.org": at("8.8.4.4"), "mixed.example.org": at("10.0.0.1", "::ffff:8.8.4.4"), "inside.example.org": at("127.0.0.1", "fd00::1"),
			}}
			r := newRig(t, dbtest.SQLite(t), p.options, func(o *Options) { o.ProbePrivate = c.private })
			d := details("A")
			d.HostName, d.Port = c.host, c.port
			s, _, err := r.Add(t.Context(), 1, d, ExtrasChange{}, netip.Addr{})
			if err != nil {
				t.Fatal(err)
			}
			got, err := r.Check(t.Context(), 1, s.ID, c.kind)
			if err != nil || got.Check.Outcome != c.outcome || !got.Check.of(&got) {
				t.Errorf("%+v %v", got.Check, err)
			}
			if diff := cmp.Diff(c.asked, strings.Join(p.asked, ", ")); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// No address inside of anybody's network is ever sent a packet.
func TestCheckAsksNobodyInside(t *testing.T) {
	p := &probed{}
	r := newRig(t, dbtest.SQLite(t), p.options)
	for _, host := range []string{
		"127.0.0.1", "127.9.9.9", "10.1.2.3", "172.16.0.1", "192.168.0.1", "169.254.169.254", "100.64.0.1", "0.0.0.0", "0.1.2.3", "255.255.255.255",
		"224.0.0.251", "240.0.0.1", "198.18.0.1", "192.0.2.1", "::", "::1", "fe80::1", "fe80::1%eth0", "fc00::1", "ff02::1", "::ffff:127.0.0.1", "::ffff:10.0.0.1",
		"64:ff9b::7f00:1", "2002:7f00:1::1", "2001::1",
	} {
		d := details("A")
		d.HostName = host
		s, _, err := r.Add(t.Context(), 1, d, ExtrasChange{}, netip.Addr{})
		if err != nil {
			t.Fatal(host, err)
		}
		r.pass(time.Minute)
		if got, err := r.Check(t.Context(), 1, s.ID, ""); err != nil || got.Check.Outcome != PrivateHost {
			t.Errorf("%s: %+v %v", host, got.Check, err)
		}
	}
	if len(p.asked) != 0 {
		t.Errorf("asked: %v", p.asked)
	}
}

// However many names and accounts there are, an address is asked once in ten
// seconds, and one of its neighbours once a second.
func TestCheckIsPolite(t *testing.T) {
	p := &probed{names: map[string][]netip.Addr{}}
	r := newRig(t, dbtest.SQLite(t), p.options)
	check := func(owner int64, host string) error {
		t.Helper()
		p.names["n"+host+".example.org"] = at(host)
		d := details("A")
		d.HostName = "n" + host + ".example.org"
		s, _, err := r.Add(t.Context(), owner, d, ExtrasChange{}, netip.Addr{})
		if err != nil {
			t.Fatal(err)
		}
		_, err = r.Check(t.Context(), owner, s.ID, "")
		return err
	}
	soon := func(err error) {
		t.Helper()
		if !fault.Is(err, fault.TooMany) {
			t.Errorf("%v", err)
		}
	}
	if err := check(1, "8.8.8.8"); err != nil {
		t.Fatal(err)
	}
	soon(check(2, "8.8.8.8"))
	soon(check(3, "8.8.8.9"))
	if err := check(4, "8.8.4.4"); err != nil {
		t.Error(err)
	}
	r.pass(time.Second)
	soon(check(5, "8.8.8.8"))
	r.pass(time.Second)
	if err := check(6, "8.8.8.9"); err != nil {
		t.Error(err)
	}
	r.pass(10 * time.Second)
	if err := check(7, "8.8.8.8"); err != nil {
		t.Error(err)
	}
	for range 3 {
		r.pass(time.Second)
		_ = check(8, "1.1.1.1") // what comes of it is not what this is about
	}
	soon(check(8, "9.9.9.9"))
	asked := 0
	for _, a := range p.asked {
		if strings.HasPrefix(a, "udp 8.8.8.8:") {
			asked++
		}
	}
	if asked != 2 {
		t.Errorf("asked %d times: %v", asked, p.asked)
	}
}

// Nothing is sent before the owner asks, and not for anybody else.
func TestCheckOnlyForTheOwner(t *testing.T) {
	p := &probed{}
	r := newRig(t, dbtest.SQLite(t), p.options)
	s, c := r.add(1)
	r.beat(c, "a", 1)
	if _, err := r.Check(t.Context(), 2, s.ID, ""); !fault.Is(err, fault.NotFound) {
		t.Errorf("%v", err)
	}
	if len(p.asked) != 0 {
		t.Errorf("asked: %v", p.asked)
	}
}
