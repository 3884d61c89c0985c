package catalog

// The types of the counters. They are part of the wire, and so are their
// labels' keys.
const (
	countStart          = "start"
	countRoot           = "/"
	countDownloadSteam  = "/download/steam/"
	countDownload       = "/download/"
	countListMods       = "/list/mods/"
	countListGames      = "/list/games/"
	countListTags       = "/list/tags/"
	countListGenres     = "/list/genres/"
	countListResources  = "/list/resources_mods/"
	countInfoMod        = "/info/mod/"
	countInfoGame       = "/info/game/"
	countCondition      = "/condition/mod/"
	countDelay          = "/statistics/delay/"
	countHour           = "/statistics/hour/"
	countDay            = "/statistics/day/"
	countInfoAll        = "/statistics/info/all/"
	countTypeMap        = "/statistics/info/type_map/"
	countSent           = "files_sent"
	countSentNS2        = "ns2_sent" // only in our own API
	countNotFound       = "mod_not_found_local"
	countDamaged        = "damaged_mod"
	countUpdating       = "updating_mod"
	countSteamOK        = "download_from_steam_ok"
	countSteamError     = "download_from_steam_error"
	countQueueSize      = "/info/queue/size"
	countUpdateSteam    = "/update/steam/"
	timeDownloadSteamOK = "download_steam_ok"
	timeDownloadLocalOK = "download_local_ok"
	timeDownloadSteamNo = "download_steam_error"
	timeDownloadLocalNo = "download_local_error"
	timeSteamOK         = "steam_ok"
	timeSteamError      = "steam_error"
)

// label is how people call a type.
type label struct{ kind, en, ru string }

// labels are the types that clients of the catalogue know, in the order in
// which they are shown.
var labels = []label{
	{countStart, "Service starts", "Старты сервиса"},
	{countRoot, "Redirects to the docs", "Переходы к документации"},
	{countDownloadSteam, "Steam download requests", "Обращения к загрузке из Steam"},
	{countDownload, "Cached download requests", "Обращения к скачиванию из кэша"},
	{countListMods, "Mod list requests", "Обращения к перечню модов"},
	{countListGames, "Game list requests", "Обращения к перечню игр"},
	{countListTags, "Tag list requests", "Обращения к перечню тегов"},
	{countListGenres, "Genre list requests", "Обращения к перечню жанров"},
	{countListResources, "Mod resource requests", "Обращения к медиафайлам модов"},
	{countInfoMod, "Mod card requests", "Обращения к карточке мода"},
	{countInfoGame, "Game card requests", "Обращения к карточке игры"},
	{countCondition, "Mod state checks", "Проверки состояния модов"},
	{countDelay, "Delay statistics requests", "Обращения к статистике задержек"},
	{countHour, "Hourly statistics requests", "Обращения к почасовой статистике"},
	{countDay, "Daily statistics requests", "Обращения к посуточной статистике"},
	{countInfoAll, "Summary requests", "Обращения к общей сводке"},
	{countTypeMap, "Type label requests", "Обращения к словарю названий"},
	{countSent, "Archives sent", "Отправлено архивов"},
	{countNotFound, "Requests for mods not on the server", "Запрошенных модов не оказалось"},
	{countDamaged, "Damaged records found", "Найдено повреждённых записей"},
	{countUpdating, "Updates queued", "Поставлено обновлений в очередь"},
	{countSteamOK, "Successful Steam downloads", "Удачные загрузки из Steam"},
	{countSteamError, "Failed Steam downloads", "Неудачные загрузки из Steam"},
}

// ownLabels are the types that only our own API tells of. "x_sent" counts the
// archives that face x sent.
var ownLabels = []label{
	{countSentNS2, "Archives sent to game clients", "Отправлено архивов игровым клиентам"},
	{"fastdl_sent", "Game files sent", "Отправлено файлов игр"},
	{countQueueSize, "Queue size requests", "Обращения к длине очереди"},
	{countUpdateSteam, "Update check requests", "Обращения к проверке обновлений"},
}
