package workshop

import "github.com/quartermasterd/quartermaster/daemon/steam/steamtest"

func alive(pid int) bool { return steamtest.Alive(pid) }
