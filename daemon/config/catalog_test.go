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

func TestValidateSteamSites(t *testing.T) {
	for _, tt := range []struct {
		change func(*Steam)
		want   string
	}{
		{func(s *Steam) { s.StoreURL, s.StoreCountry, s.CommunityPages = "", "", false }, ""},
		{func(s *Steam) { s.StoreURL, s.StoreCountry = "http://127.0.0.1:1", "DE" }, ""},
		{func(s *Steam) { s.StoreURL = "store.steampowered.com" }, "steam.store_url"},
		{func(s *Steam) { s.StoreCountry = "usa" }, "steam.store_country"},
		{func(s *Steam) { s.StoreCountry = "u&" }, "steam.store_country"},
		{func(s *Steam) { s.CommunityURL = "" }, "steam.community_url"},
		{func(s *Steam) { s.CommunityURL = "ftp://steamcommunity.com" }, "steam.community_url"},
	} {
		c := Default()
		tt.change(&c.Steam)
		got := ""
		for _, p := range c.Validate() {
			got += p.Key
		}
		if got != tt.want {
			t.Errorf("%+v: fault %q, want %q", c.Steam, got, tt.want)
		}
	}
}
