package gametree

import (
	"path"
	"strings"

	"github.com/quartermasterd/quartermaster/daemon/config"
)

// isStock reports whether a file comes with a game: a map with what belongs
// to it, or a GoldSrc texture archive. Players who have the game have it, and
// it is its publisher's to give away.
func isStock(profile, p string) bool {
	dir, file := path.Split(Fold(p))
	name := strings.TrimSuffix(file, path.Ext(file))
	maps, wads := stockSource, ""
	if profile == config.ProfileGoldSrc {
		maps, wads = stockGoldSrc, stockWads
	}
	switch {
	case dir == "maps/" || dir == "maps/graphs/" || dir == "overviews/":
		return listed(maps, name)
	case dir == "" && path.Ext(file) == ".wad":
		return listed(wads, name)
	}
	return false
}

// listed looks for a name in a list divided by white space.
func listed(list, name string) bool {
	for rest := list; name != ""; {
		i := strings.Index(rest, name)
		if i < 0 {
			return false
		}
		before, after := i == 0 || isSpace(rest[i-1]), i+len(name)
		if before && (after == len(rest) || isSpace(rest[after])) {
			return true
		}
		rest = rest[i+1:]
	}
	return false
}

func isSpace(c byte) bool { return c == ' ' || c == '\n' || c == '\t' }

// Maps of Team Fortress 2, Counter-Strike: Source and Global Offensive, Day of
// Defeat: Source, Half-Life 2 Deathmatch and Garry's Mod.
const stockSource = `
arena_badlands arena_byre arena_granary arena_lumberyard arena_nucleus arena_offblast_final arena_ravine arena_sawmill
arena_watchtower arena_well arena_perks
cp_5gorge cp_altitude cp_badlands cp_brew cp_cloak cp_coldfront cp_degrootkeep cp_dustbowl cp_egypt_final cp_fastlane
cp_foundry cp_freight_final1 cp_frostwatch cp_gorge cp_gorge_event cp_granary cp_gravelpit cp_gullywash_final1 cp_junction_final
cp_lavapit_final cp_manor_event cp_mercenarypark cp_metalworks cp_mossrock cp_mountainlab cp_powerhouse cp_process_final
cp_reckoner cp_snakewater_final1 cp_snowplow cp_spookeyridge cp_standin_final cp_steel cp_sulfur cp_sunshine cp_sunshine_event
cp_vanguard cp_well cp_yukon_final
ctf_2fort ctf_2fort_invasion ctf_applejack ctf_crasher ctf_doublecross ctf_doublecross_snowy ctf_foundry ctf_frosty ctf_gorge
ctf_hellfire ctf_helltrain_event ctf_landfall ctf_pelican_peak ctf_penguin_peak ctf_sawmill ctf_snowfall_final ctf_thundermountain
ctf_turbine ctf_turbine_winter ctf_well
itemtest
koth_badlands koth_bagel_event koth_brazil koth_cachoeira koth_cascade koth_harvest_event koth_harvest_final koth_highpass
koth_king koth_krampus koth_lakeside_event koth_lakeside_final koth_lazarus koth_maple_ridge_event koth_megalo koth_megaton
koth_moonshine_event koth_nucleus koth_probed koth_rotunda koth_sawmill koth_sawmill_event koth_sharkbay koth_slasher koth_slaughter_event
koth_slime koth_snowtower koth_suijin koth_synthetic_event koth_toxic koth_undergrove_event koth_viaduct koth_viaduct_event
mvm_bigrock mvm_coaltown mvm_decoy mvm_example mvm_ghost_town mvm_mannhattan mvm_mannworks mvm_rottenburg
pass_brickyard pass_district pass_timbertown pd_atom_smash pd_circus pd_cursed_cove_event pd_farmageddon pd_galleria pd_mannsylvania
pd_monster_bash pd_pit_of_death_event pd_selbyen pd_snowville_event pd_watergate
pl_badwater pl_barnblitz pl_bloodwater pl_borneo pl_breadspace pl_cactuscanyon pl_camber pl_cashworks pl_chilly pl_coal_event
pl_corruption pl_emerge pl_embargo pl_enclosure_final pl_fifthcurve_event pl_frontier_final pl_frostcliff pl_goldrush pl_hasslecastle
pl_hoodoo_final pl_millstone_event pl_odyssey pl_patagonia pl_phoenix pl_pier pl_precipice_event_final pl_rumble_event pl_rumford_event
pl_sludgepit_event pl_snowycoast pl_spineyard pl_swiftwater_final1 pl_terror_event pl_thundermountain pl_upward pl_venice pl_wutville_event
plr_bananabay plr_cutter plr_hacksaw plr_hacksaw_event plr_hightower plr_hightower_event plr_nightfall_final plr_pipeline
rd_asteroid sd_doomsday sd_doomsday_event tc_hydro tow_dynamite tr_dustbowl tr_target tf2_background background01
vsh_distillery vsh_maul vsh_nucleus vsh_outburst vsh_skirmish vsh_tinyrock zi_atoll zi_blazehattan zi_devastation_final1 zi_murky
zi_sanitarium zi_woods
cs_assault cs_compound cs_havana cs_italy cs_militia cs_office de_aztec de_cbble de_chateau de_dust de_dust2 de_inferno de_nuke
de_piranesi de_port de_prodigy de_tides de_train test_hardware test_speakers
ar_baggage ar_dizzy ar_lunacy ar_monastery ar_shoots cs_agency cs_insertion2 de_ancient de_anubis de_bank de_breach de_cache de_canals
de_lake de_mirage de_overpass de_safehouse de_shortdust de_shortnuke de_shorttrain de_stmarc de_sugarcane de_vertigo dz_blacksite
dz_sirocco gd_cbble gd_rialto training1
dod_anzio dod_argentan dod_avalanche dod_colmar dod_donner dod_flash dod_jagd dod_kalt dod_palermo
dm_lockdown dm_overwatch dm_powerhouse dm_resistance dm_runoff dm_steamlab dm_underpass halls3
gm_construct gm_flatgrass
`

// Maps of Half-Life, Counter-Strike, Day of Defeat, Team Fortress Classic,
// Opposing Force and Ricochet.
const stockGoldSrc = `
boot_camp bounce contamination crossfire datacore disposal doublecross frenzy gasworks lambda_bunker pool_party rapidcore
rustmill snark_pit stalkyard subtransit undertow xen_dm
as_oilrig cs_747 cs_assault cs_backalley cs_estate cs_havana cs_italy cs_militia cs_office cs_siege de_airstrip de_aztec de_cbble
de_chateau de_dust de_dust2 de_inferno de_nuke de_piranesi de_prodigy de_storm de_survivor de_torn de_train de_vertigo
dod_anzio dod_avalanche dod_caen dod_charlie dod_chemille dod_donner dod_escape dod_falaise dod_flash dod_flugplatz dod_forest
dod_glider dod_jagd dod_kalt dod_kraftstoff dod_merderet dod_northbound dod_saints dod_sturm dod_switch dod_vicenza dod_zalec
2fort avanti badlands casbah crossover2 cz2 dustbowl epicenter flagrun hunted push ravelin rock2 warpath well
op4_bootcamp op4_datacore op4_demise op4_disposal op4_gasworks op4_kndyone op4_meanie op4_outpost op4_park op4_repent op4_rubble op4_xendm
op4ctf_biodomes op4ctf_chasm op4ctf_crash op4ctf_dam op4ctf_gunyard op4ctf_hairball op4ctf_mortar op4ctf_power op4ctf_repent op4ctf_wonderland
op4ctf_xendm rc_arena rc_deathmatch rc_deathmatch2
`

// Texture archives of the same games.
const stockWads = `
ajawad as_tundra cached chateau cs_747 cs_assault cs_bdog cs_cbble cs_dust cs_havana cs_office cs_thunder cstraining cstrike de_airstrip
de_aztec de_piranesi de_storm de_vegas decals fonts gfx halflife itsitaly jos liquids n0th1ng prodigy pldecal spraypaint tempdecal
tfc tfc2 torntextures tswad xeno opfor op4ctf ricochet
`
