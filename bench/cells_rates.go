package main

import "context"

// What the daemon's configuration has besides, so that byte rates hold for
// this machine too, which is exempt by default.
const (
	ratesOff = "[limits]\nexempt = []\n"
	ratesOn  = ratesOff + "download_rate = \"1TB/s\"\n" // nobody ever waits for it
)

func ratesCost() cell {
	return cell{
		name: "rates-off", about: "1 MiB zip, 32 connections, wrk; with a download_rate that is never reached, and with no rates",
		subjects: []string{"off", "daemon"},
		run: func(ctx context.Context, b *bench, subject string) (sample, error) {
			server := map[string]string{"off": "rates-off", "daemon": "rates-on"}[subject]
			s, err := loaded(ctx, b, server, func(p *process) (loadResult, error) { return b.wrk(ctx, 32, p.url+"/"+midFile) })
			return keep(s, err, megabytes, p99, perGB)
		},
		goals: []goal{least(megabytes, "off", 0.95), most(perGB, "off", 1.05)},
	}
}
