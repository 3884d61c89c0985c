package config

import (
	"time"
	_ "time/tzdata" // Windows has no time zone database of its own
)

// Catalog configures the catalogue of mods.
type Catalog struct {
	// DependenciesFilter says what the parameter "dependencies" of the list
	// of mods means: "readme", or "original", the opposite.
	DependenciesFilter string `toml:"dependencies_filter"`
	// TimeZone is the IANA name of the zone whose days and hours are counted.
	TimeZone string `toml:"time_zone"`
}

// The meanings of the parameter "dependencies".
const (
	// FilterReadme: true also lists mods that need others, the default hides
	// them.
	FilterReadme = "readme"
	// FilterOriginal: true hides mods that need others, the default lists all.
	FilterOriginal = "original"
)

// Location returns the zone that TimeZone names.
func (c Catalog) Location() (*time.Location, error) { return time.LoadLocation(c.TimeZone) }

func (c Catalog) validate(k *check) {
	k.that(c.DependenciesFilter == FilterReadme || c.DependenciesFilter == FilterOriginal, "workshop.catalog.dependencies_filter",
		"%q is not known; write %q or %q", c.DependenciesFilter, FilterReadme, FilterOriginal)
	_, err := c.Location()
	k.that(err == nil && c.TimeZone != "" && c.TimeZone != "Local", "workshop.catalog.time_zone",
		"%q is not the name of a time zone; write for example \"UTC\" or \"Europe/Berlin\"", c.TimeZone)
}
