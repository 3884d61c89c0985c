package metaserver

// skinEndpoints are the rows of the wire for this part.
func (s *Service) skinEndpoints() []endpoint { return nil }
