/// A place of the navigation: one question each. It shows when it has a page.
struct NavigationItem: Sendable, Equatable {
    struct Tab: Sendable, Equatable {
        /// What a page's ``Pages/Frame/tab`` names.
        var name: String
        var label: String
        var path: String
    }

    var name: String
    var label: String
    /// Of the sprite in layout.mustache, without `i-`.
    var icon: String
    /// Pages of the place, the first is where its link leads. More than one show as tabs.
    var tabs: [Tab]

    /// A page gets its line here when it exists, never before.
    static let all = [
        NavigationItem(
            name: "fleet", label: "Fleet", icon: "fleet", tabs: [Tab(name: "fleet", label: "Fleet", path: "/")]),
        NavigationItem(
            name: "incidents", label: "Incidents", icon: "incidents",
            tabs: [
                Tab(name: "incidents", label: "Incidents", path: "/incidents"),
                Tab(name: "events", label: "Events", path: "/events"),
                Tab(name: "notices", label: "Notices", path: "/notices"),
                Tab(name: "maintenance", label: "Maintenance", path: "/maintenance"),
            ]),
        NavigationItem(
            name: "deploys", label: "Deploys", icon: "deploys",
            tabs: [
                Tab(name: "plan", label: "Plan", path: "/deploys"),
                Tab(name: "drift", label: "Drift", path: "/deploys/drift"),
                Tab(name: "past", label: "Past deploys", path: "/deploys/past"),
            ]),
        NavigationItem(
            name: "safekeeping", label: "Safekeeping", icon: "safe",
            tabs: [Tab(name: "safekeeping", label: "Safekeeping", path: "/safekeeping")]),
        NavigationItem(
            name: "workers", label: "Workers", icon: "workers",
            tabs: [
                Tab(name: "workers", label: "Overview", path: "/workers"),
                Tab(name: "findings", label: "Findings", path: "/workers/findings"),
            ]),
        // Behind an icon, not among the places.
        NavigationItem(
            name: "settings", label: "Settings", icon: "settings",
            tabs: [
                Tab(name: "settings", label: "Configuration", path: "/settings"),
                Tab(name: "access", label: "Access", path: "/settings/access"),
                Tab(name: "activity", label: "Activity", path: "/settings/activity"),
            ]),
    ]
}

extension Pages.Frame {
    /// For the layout: every place that has a page.
    var placesModel: [[String: Any]] {
        NavigationItem.all.compactMap { place in
            guard let first = place.tabs.first, !hidden.contains(place.name), place.name != "settings" else {
                return nil
            }
            let isHere = place.name == self.place
            return [
                "label": place.label, "href": first.path, "icon": place.icon,
                // A page below a place is in it, without being it.
                "isHere": isHere, "current": tab == first.name ? "page" : "true",
                "pip": "\(pips[place.name] ?? 0)", "hasPip": (pips[place.name] ?? 0) > 0,
            ]
        }
    }

    /// For the layout: the tabs of the place, on its own pages only.
    var tabsModel: [[String: Any]] {
        guard let place = NavigationItem.all.first(where: { $0.name == place }), place.tabs.count > 1,
            place.tabs.contains(where: { $0.name == tab })
        else { return [] }
        return place.tabs.filter { !hiddenTabs.contains($0.name) }.map {
            ["label": $0.label, "href": $0.path, "current": $0.name == tab] as [String: Any]
        }
    }
}
