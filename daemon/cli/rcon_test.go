package cli

import (
	"net"
	"strings"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/quartermasterd/quartermaster/daemon/steam/steamtest"
)

// remoteConsoles starts the servers of rcon.txtar: $RCON, $MINECRAFT,
// $FACTORIO, $BANNED, which closes at the login, $MUTE, which is silent, and
// $NOBODY, where nothing listens.
func remoteConsoles(e *testscript.Env) error {
	replies := map[string]string{"status": "hostname: test\nplayers: 0\n\n", "nothing": "", "long": strings.Repeat("0123456789", 900), "umlaut": "gr\xfc\xdfe", "exit": ""}
	for name, s := range map[string]*steamtest.RCON{
		"RCON": {}, "MINECRAFT": {Dialect: steamtest.RCONMinecraft}, "FACTORIO": {Dialect: steamtest.RCONFactorio},
		"BANNED": {Fault: steamtest.RCONClosing, AtLogin: true}, "MUTE": {Fault: steamtest.RCONSilent},
	} {
		s.Password, s.Replies = `a secret "word"`, replies
		if err := s.Listen("127.0.0.1:0"); err != nil {
			return err
		}
		e.Defer(s.Close)
		e.Setenv(name, s.Addr())
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	e.Setenv("NOBODY", l.Addr().String())
	return l.Close()
}
