package config

import "testing"

func TestValidateCatalog(t *testing.T) {
	tests := []struct {
		filter, zone string
		want         []string
	}{
		{"readme", "UTC", nil},
		{"original", "Europe/Berlin", nil},
		{"", "UTC", []string{"workshop.catalog.dependencies_filter"}},
		{"README", "UTC", []string{"workshop.catalog.dependencies_filter"}},
		{"readme", "", []string{"workshop.catalog.time_zone"}},
		{"readme", "Local", []string{"workshop.catalog.time_zone"}},
		{"readme", "Mars/Olympus", []string{"workshop.catalog.time_zone"}},
		{"", "../../etc/passwd", []string{"workshop.catalog.dependencies_filter", "workshop.catalog.time_zone"}},
	}
	for _, tt := range tests {
		c := Default()
		c.Workshop.Catalog = Catalog{tt.filter, tt.zone}
		var got []string
		for _, p := range c.Validate() {
			got = append(got, p.Key)
		}
		if len(got) != len(tt.want) || len(got) > 0 && (got[0] != tt.want[0] || got[len(got)-1] != tt.want[len(tt.want)-1]) {
			t.Errorf("%q, %q: faults %q, want %q", tt.filter, tt.zone, got, tt.want)
		}
	}
}
