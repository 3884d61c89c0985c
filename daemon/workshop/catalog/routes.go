package catalog

import "github.com/quartermasterd/quartermaster/daemon/web"

// Register adds the face of the catalogue's clients and the operations of our
// own API.
func (s *Service) Register(srv *web.Server) {
	srv.First(matches, s)
}
