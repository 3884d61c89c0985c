package metaserver

// clanEndpoints are the rows of the wire for this part.
func (s *Service) clanEndpoints() []endpoint { return nil }
