package workshop

import (
	"github.com/quartermasterd/quartermaster/daemon/workshop/fastdl"
)

// newFastDL wires the face for Source and GoldSrc games.
func (s *Service) newFastDL() (err error) {
	s.fastdl, err = fastdl.New(fastdl.Options{
		Trees: s.config.FastDL, DB: s.options.DB, Blobs: s.blobs, Log: s.options.Log, Clock: s.clock,
		Registerer: s.options.Registerer, PublicURL: s.options.PublicURL, ListenPort: s.options.ListenPort,
		Space: s.checkSpace,
		Sent:  func() { s.catalog.Sent("fastdl") },
	})
	return err
}

// FastDL returns the face for Source and GoldSrc games.
func (s *Service) FastDL() *fastdl.Service { return s.fastdl }

// fastDLProblems are the problems of its folders.
func (s *Service) fastDLProblems() []Problem {
	var list []Problem
	for _, p := range s.fastdl.Problems() {
		list = append(list, Problem{Code: "fastdl_" + p.Code, Text: p.Text, Hint: p.Hint})
	}
	return list
}
