package metaserver

// serverEndpoints are the rows of the wire for this part.
func (s *Service) serverEndpoints() []endpoint { return nil }
