package daemon

import (
	"net"
	"net/netip"
	"testing"
)

func TestProbeAsksWithAFewPackets(t *testing.T) {
	silent, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	defer silent.Close()
	at := netip.MustParseAddrPort(silent.LocalAddr().String())
	packets := make(chan int, 1)
	go func() {
		n, buf := 0, make([]byte, 1500)
		for {
			if _, _, err := silent.ReadFromUDP(buf); err != nil {
				packets <- n
				return
			}
			n++
		}
	}()
	if err := probeA2S(t.Context(), at); err == nil {
		t.Error("a silent address counts as reached")
	}
	silent.Close()
	if n := <-packets; n < 1 || n > 2 {
		t.Errorf("%d packets were sent to a silent address, want 1 or 2", n)
	}

	server, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	defer server.Close()
	go func() {
		buf := make([]byte, 1500)
		if _, from, err := server.ReadFromUDPAddrPort(buf); err == nil {
			server.WriteToUDPAddrPort([]byte("\xff\xff\xff\xffA1234"), from)
		}
	}()
	if err := probeA2S(t.Context(), netip.MustParseAddrPort(server.LocalAddr().String())); err != nil {
		t.Errorf("a server that asks for a challenge: %v", err)
	}
}
