package workshop

// DownloadPath returns the path under which game clients get the newest
// version of an item that is stored, "" when there is none that is served.
func (s *Service) DownloadPath(id ItemID) string {
	if !s.policy.serves(id) {
		return ""
	}
	for _, st := range s.index.item(id) {
		if st.servable() {
			return s.face.mount + "/" + st.Name.File()
		}
	}
	return ""
}
