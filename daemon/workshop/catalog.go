package workshop

import (
	"errors"
	"math"

	"github.com/quartermasterd/quartermaster/daemon/fault"
	"github.com/quartermasterd/quartermaster/daemon/workshop/catalog"
)

// newCatalog wires the catalogue of what is here.
func (s *Service) newCatalog() (err error) {
	s.shelf = &shelf{s: s, told: newLRU[ItemID, toldItem](maxTold)}
	s.catalog, err = catalog.New(catalog.Options{
		Config: s.config.Catalog, Limits: s.options.Limits, DB: s.options.DB, Library: s.shelf, Log: s.options.Log,
		Clock: s.clock, Admit: s.face.admit, Games: s.options.Games, Pages: s.options.Pages, Quiet: s.options.Quiet,
		Registerer: s.options.Registerer,
	})
	if err == nil {
		s.gameName = s.catalog.GameName
	}
	return err
}

// Catalog returns the catalogue of the mods that are here.
func (s *Service) Catalog() *catalog.Service { return s.catalog }

// restock tells the catalogue that an item may stand otherwise now.
func (s *Service) restock(id ItemID) {
	if s.catalog != nil && id <= math.MaxInt64 {
		s.catalog.Changed(int64(id))
	}
}

// jobEnded tells the catalogue how the work on a job ended, if it did: a job
// that is tried again by itself did not, and neither did one that only found
// out which version is current.
func (s *Service) jobEnded(e *ending) {
	n, cause := e.job.Name, e.cause
	switch {
	case s.catalog == nil || n.Item > math.MaxInt64 || n.Version == 0:
		return
	case e.version.Name.Version >= n.Version: // a newer one serves as well
		cause = nil
	case e.job.State == Failed && e.job.Resting, e.job.State == Denied:
	default:
		return
	}
	if r, ok := errors.AsType[refusal](cause); ok {
		switch answer(r) {
		case answerOldVersion: // there is a newer one to ask for
			cause = fault.Wrap(cause, fault.Unavailable, "Steam has another version by now")
		case answerNoSource: // says what the sources said
		default:
			cause = publicRefusal(r)
		}
	}
	s.catalog.Ended(int64(n.Item), e.job.CreatedAt, cause)
}

// catalogProblems are what keeps the catalogue incomplete.
func (s *Service) catalogProblems() []Problem {
	var list []Problem
	for _, p := range s.catalog.Problems() {
		list = append(list, Problem{Code: "catalog_" + p.Code, Text: p.Text, Hint: p.Hint})
	}
	return list
}
