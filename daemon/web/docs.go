package web

func (s *Server) registerViewer() {}
