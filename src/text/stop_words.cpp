// Stop words per language, made by scripts/stop-words.
//
// Danish to Turkish but Romanian and Korean: Copyright (c) 2001, Dr Martin Porter; (c) 2004, 2005, Richard Boulton
// (Snowball, BSD-3-Clause). Romanian, Korean: Copyright (c) 2011, Chris Umbel and others; (c) 2015 - 2022 Fergus McDowall
// (stopword, MIT). English: Copyright (C) 2016 Wei Song, Oliver Nightingale (elasticlunr, MIT).

#include "text/stop_words.h"

#include <utility>

namespace weir::text {

namespace {

// clang-format off
constexpr std::pair<std::string_view, std::string_view> lists[] = {
    {"da",
     "ad af alle alt anden at blev blive bliver da de dem den denne der deres det dette dig "
     "din disse dog du efter eller en end er et for fra ham han hans har havde have hende "
     "hendes her hos hun hvad hvis hvor i ikke ind jeg jer jo kunne man mange med meget men "
     "mig min mine mit mod ned noget nogle nu når og også om op os over på selv sig sin "
     "sine sit skal skulle som sådan thi til ud under var vi vil ville vor være været"},
    {"de",
     "aber alle allem allen aller alles als also am an ander andere anderem anderen anderer "
     "anderes anderm andern anderr anders auch auf aus bei bin bis bist da damit dann das "
     "dasselbe dazu daß dein deine deinem deinen deiner deines dem demselben den denn "
     "denselben der derer derselbe derselben des desselben dessen dich die dies diese "
     "dieselbe dieselben diesem diesen dieser dieses dir doch dort du durch ein eine einem "
     "einen einer eines einig einige einigem einigen einiger einiges einmal er es etwas euch "
     "euer eure eurem euren eurer eures für gegen gewesen hab habe haben hat hatte hatten "
     "hier hin hinter ich ihm ihn ihnen ihr ihre ihrem ihren ihrer ihres im in indem ins ist "
     "jede jedem jeden jeder jedes jene jenem jenen jener jenes jetzt kann kein keine keinem "
     "keinen keiner keines können könnte machen man manche manchem manchen mancher manches "
     "mein meine meinem meinen meiner meines mich mir mit muss musste nach nicht nichts noch "
     "nun nur ob oder ohne sehr sein seine seinem seinen seiner seines selbst sich sie sind "
     "so solche solchem solchen solcher solches soll sollte sondern sonst um und uns unse "
     "unsem unsen unser unses unter viel vom von vor war waren warst was weg weil weiter "
     "welche welchem welchen welcher welches wenn werde werden wie wieder will wir wird "
     "wirst wo wollen wollte während würde würden zu zum zur zwar zwischen über"},
    {"du",
     "aan al alles als altijd andere ben bij daar dan dat de der deze die dit doch doen door "
     "dus een eens en er ge geen geweest haar had heb hebben heeft hem het hier hij hoe hun "
     "iemand iets ik in is ja je kan kon kunnen maar me meer men met mij mijn moet na naar "
     "niet niets nog nu of om omdat onder ons ook op over reeds te tegen toch toen tot u uit "
     "uw van veel voor want waren was wat werd wezen wie wil worden wordt zal ze zelf zich "
     "zij zijn zo zonder zou"},
    {"en",
     "a able about across after all almost also am among an and any are as at be because "
     "been but by can cannot could dear did do does either else ever every for from get got "
     "had has have he her hers him his how however i if in into is it its just least let "
     "like likely may me might most must my neither no nor not of off often on only or other "
     "our own rather said say says she should since so some than that the their them then "
     "there these they this tis to too twas us wants was we were what when where which while "
     "who whom why will with would yet you your"},
    {"es",
     "a al algo algunas algunos ante antes como con contra cual cuando de del desde donde "
     "durante e el ella ellas ellos en entre era erais eran eras eres es esa esas ese eso "
     "esos esta estaba estabais estaban estabas estad estada estadas estado estados estamos "
     "estando estar estaremos estará estarán estarás estaré estaréis estaría "
     "estaríais estaríamos estarían estarías estas este estemos esto estos estoy estuve "
     "estuviera estuvierais estuvieran estuvieras estuvieron estuviese estuvieseis "
     "estuviesen estuvieses estuvimos estuviste estuvisteis estuviéramos estuviésemos "
     "estuvo está estábamos estáis están estás esté estéis estén estés fue fuera "
     "fuerais fueran fueras fueron fuese fueseis fuesen fueses fui fuimos fuiste fuisteis "
     "fuéramos fuésemos ha habida habidas habido habidos habiendo habremos habrá habrán "
     "habrás habré habréis habría habríais habríamos habrían habrías habéis había "
     "habíais habíamos habían habías han has hasta hay haya hayamos hayan hayas hayáis "
     "he hemos hube hubiera hubierais hubieran hubieras hubieron hubiese hubieseis hubiesen "
     "hubieses hubimos hubiste hubisteis hubiéramos hubiésemos hubo la las le les lo los "
     "me mi mis mucho muchos muy más mí mía mías mío míos nada ni no nos nosotras "
     "nosotros nuestra nuestras nuestro nuestros o os otra otras otro otros para pero poco "
     "por porque que quien quienes qué se sea seamos sean seas sentid sentida sentidas "
     "sentido sentidos seremos será serán serás seré seréis sería seríais seríamos "
     "serían serías seáis siente sin sintiendo sobre sois somos son soy su sus suya suyas "
     "suyo suyos sí también tanto te tendremos tendrá tendrán tendrás tendré tendréis "
     "tendría tendríais tendríamos tendrían tendrías tened tenemos tenga tengamos "
     "tengan tengas tengo tengáis tenida tenidas tenido tenidos teniendo tenéis tenía "
     "teníais teníamos tenían tenías ti tiene tienen tienes todo todos tu tus tuve "
     "tuviera tuvierais tuvieran tuvieras tuvieron tuviese tuvieseis tuviesen tuvieses "
     "tuvimos tuviste tuvisteis tuviéramos tuviésemos tuvo tuya tuyas tuyo tuyos tú un "
     "una uno unos vosostras vosostros vuestra vuestras vuestro vuestros y ya yo él éramos"},
    {"fi",
     "ei eivät emme en et ette että he heidän heidät heihin heille heillä heiltä "
     "heissä heistä heitä hän häneen hänelle hänellä häneltä hänen hänessä "
     "hänestä hänet häntä itse ja johon joiden joihin joiksi joilla joille joilta joina "
     "joissa joista joita joka joksi jolla jolle jolta jona jonka jos jossa josta jota jotka "
     "kanssa keiden keihin keiksi keille keillä keiltä keinä keissä keistä keitä "
     "keneen keneksi kenelle kenellä keneltä kenen kenenä kenessä kenestä kenet ketkä "
     "ketä koska kuin kuka kun me meidän meidät meihin meille meillä meiltä meissä "
     "meistä meitä mihin miksi mikä mille millä miltä minkä minua minulla minulle "
     "minulta minun minussa minusta minut minuun minä missä mistä mitkä mitä mukaan "
     "mutta ne niiden niihin niiksi niille niillä niiltä niin niinä niissä niistä "
     "niitä noiden noihin noiksi noilla noille noilta noin noina noissa noista noita nuo "
     "nyt näiden näihin näiksi näille näillä näiltä näinä näissä näistä "
     "näitä nämä ole olemme olen olet olette oli olimme olin olisi olisimme olisin "
     "olisit olisitte olisivat olit olitte olivat olla olleet ollut on ovat poikki se sekä "
     "sen siihen siinä siitä siksi sille sillä siltä sinua sinulla sinulle sinulta sinun "
     "sinussa sinusta sinut sinuun sinä sitä tai tallä te teidän teidät teihin teille "
     "teillä teiltä teissä teistä teitä tuo tuohon tuoksi tuolla tuolle tuolta tuon "
     "tuona tuossa tuosta tuotä tähän täksi tälle tältä tämä tämän tänä tässä "
     "tästä tätä vaan vai vaikka yli"},
    {"fr",
     "ai aie aient aies ait as au aura aurai auraient aurais aurait auras aurez auriez "
     "aurions aurons auront aux avaient avais avait avec avez aviez avions avons ayant "
     "ayante ayantes ayants ayez ayons c ce ces d dans de des du elle en es est et eu eue "
     "eues eurent eus eusse eussent eusses eussiez eussions eut eux eûmes eût eûtes "
     "furent fus fusse fussent fusses fussiez fussions fut fûmes fût fûtes il j je l la "
     "le leur lui m ma mais me mes moi mon même n ne nos notre nous on ont ou par pas pour "
     "qu que qui s sa se sera serai seraient serais serait seras serez seriez serions serons "
     "seront ses soient sois soit sommes son sont soyez soyons suis sur t ta te tes toi ton "
     "tu un une vos votre vous y à étaient étais était étant étante étantes étants "
     "étiez étions été étée étées étés êtes"},
    {"hu",
     "a abban ahhoz ahogy ahol aki akik akkor alatt amely amelyek amelyekben amelyeket "
     "amelyet amelynek ami amikor amit amolyan amíg annak arra arról az azok azon azonban "
     "azt aztán azután azzal azért be belül benne bár cikk cikkek cikkeket csak de e "
     "ebben eddig egy egyes egyetlen egyik egyre egyéb egész ehhez ekkor el ellen első "
     "elég elő először előtt emilyen ennek erre ez ezek ezen ezt ezzel ezért fel felé "
     "hanem hiszen hogy hogyan igen ill ill. illetve ilyen ilyenkor ismét ison itt jobban "
     "jó jól kell kellett keressünk keresztül ki kívül között közül legalább "
     "legyen lehet lehetett lenne lenni lesz lett maga magát majd meg mellett mely melyek "
     "mert mi mikor milyen minden mindenki mindent mindig mint mintha mit mivel miért most "
     "már más másik még míg nagy nagyobb nagyon ne nekem neki nem nincs néha néhány "
     "nélkül olyan ott pedig persze rá s saját sem semmi sok sokat sokkal szemben "
     "szerint szinte számára talán tehát teljes tovább továbbá több ugyanis utolsó "
     "után utána vagy vagyis vagyok valaki valami valamint való van vannak vele vissza "
     "viszont volna volt voltak voltam voltunk által általában át én éppen és így "
     "össze úgy új újabb újra ő ők őket"},
    {"it",
     "a abbia abbiamo abbiano abbiate ad agl agli ai al all alla alle allo anche avemmo "
     "avendo avesse avessero avessi avessimo aveste avesti avete aveva avevamo avevano "
     "avevate avevi avevo avrai avranno avrebbe avrebbero avrei avremmo avremo avreste "
     "avresti avrete avrà avrò avuta avute avuti avuto c che chi ci coi col come con "
     "contro cui da dagl dagli dai dal dall dalla dalle dallo degl degli dei del dell della "
     "delle dello di dov dove e ebbe ebbero ebbi ed era erano eravamo eravate eri ero "
     "essendo faccia facciamo facciano facciate faccio facemmo facendo facesse facessero "
     "facessi facessimo faceste facesti faceva facevamo facevano facevate facevi facevo fai "
     "fanno farai faranno farebbe farebbero farei faremmo faremo fareste faresti farete "
     "farà farò fece fecero feci fosse fossero fossi fossimo foste fosti fu fui fummo "
     "furono gli ha hai hanno ho i il in io l la le lei li lo loro lui ma mi mia mie miei "
     "mio ne negl negli nei nel nell nella nelle nello noi non nostra nostre nostri nostro o "
     "per perché più quale quanta quante quanti quanto quella quelle quelli quello questa "
     "queste questi questo sarai saranno sarebbe sarebbero sarei saremmo saremo sareste "
     "saresti sarete sarà sarò se sei si sia siamo siano siate siete sono sta stai stando "
     "stanno starai staranno starebbe starebbero starei staremmo staremo stareste staresti "
     "starete starà starò stava stavamo stavano stavate stavi stavo stemmo stesse stessero "
     "stessi stessimo steste stesti stette stettero stetti stia stiamo stiano stiate sto su "
     "sua sue sugl sugli sui sul sull sulla sulle sullo suo suoi ti tra tu tua tue tuo tuoi "
     "tutti tutto un una uno vi voi vostra vostre vostri vostro è"},
    {"ko",
     "가 가까스로 가령 각 각각 각자 각종 갖고말하자면 같다 같이 "
     "개의치않고 거니와 거바 거의 것 것들 게다가 게우다 겨우 "
     "견지에서 결국 겸사겸사 고려하면 고로 곧 공동으로 과 과연 "
     "관계없이 관하여 관한 관해서는 구 구체적으로 구토하다 그 그들 "
     "그때 그래 그래도 그래서 그러나 그러니 그러니까 그러면 "
     "그러므로 그러한즉 그런데 그런즉 그럼 그렇지 그렇지만 "
     "그렇지않으면 그리고 그리하여 그만이다 그위에 그저 그중에서 "
     "근거로 근거하여 기대여 기점으로 기준으로 기타 까닭으로 까악 "
     "까지 까지도 꽈당 끙끙 끼익 나 나머지는 남들 남짓 너 너희 "
     "너희들 네 넷 년 놀라다 누구 다른 다만 다섯 다소 다수 "
     "다시말하면 다음 다음에 다음으로 단지 답다 당신 당장 대하면 "
     "대하여 대해서 댕그 더구나 더군다나 더라도 더불어 더욱더 "
     "더욱이는 도달하다 도착하다 동시에 동안 된바에야 된이상 "
     "두번째로 둘 둥둥 뒤따라 뒤이어 든간에 들 등 등등 딩동 따라 "
     "따라서 따위 딱 때 때문에 또 또한 뚝뚝 령 로 로부터 로써 륙 를 "
     "마음대로 마저 마저도 마치 막론하고 만약 만약에 만일 만큼 "
     "말하자면 매 매번 메쓰겁다 몇 모 모두 무렵 무릎쓰고 무슨 무엇 "
     "무엇때문에 물론 및 바꾸어말하면 바꾸어말하자면 바로 "
     "바와같이 반대로 반드시 버금 보는데서 보다더 보드득 본대로 봐 "
     "봐라 부터 불구하고 불문하고 붕붕 비걱거리다 비교적 비로소 "
     "비록 비슷하다 비하면 뿐만아니라 뿐이다 삐걱 삐걱거리다 사 삼 "
     "생각한대로 설령 설마 설사 셋 소생 소인 솨 쉿 습니까 습니다 "
     "시각 시간 시작하여 시초에 시키다 실로 심지어 아 아니 "
     "아니나다를가 아니라면 아니면 아니었다면 아래윗 아무거나 "
     "아무도 아야 아울러 아이 아이고 아이구 아이야 아이쿠 아하 "
     "아홉 알았어 앗 앞에서 앞의것 야 약간 양자 어 어기여차 어느 "
     "어느것 어느곳 어느때 어느쪽 어느해 어디 어때 어떠한 어떤 "
     "어떤것 어떤것들 어떻게 어떻해 어이 어째서 어쨋든 어찌 "
     "어찌됏든 어찌됏어 어찌하든지 어찌하여 언제 언젠가 얼마 "
     "얼마간 얼마나 얼마든지 얼마만큼 얼마큼 엉엉 에 에게 에서 여 "
     "여기 여덟 여러분 여보시오 여부 여섯 여전히 여차 연관되다 "
     "연이서 영 영차 옆사람 예 예컨대 예하면 오 오로지 오르다 "
     "오자마자 오직 오호 오히려 와 와르르 와아 왜 왜냐하면 외에도 "
     "요만큼 요만한걸 요컨대 우르르 우리 우리들 우선 운운 월 "
     "위하여 위해서 윙윙 육 으로 으로서 으로써 을 응 응당 의 "
     "의거하여 의지하여 의해 의해되다 의해서 이 이것 이곳 이때 "
     "이라면 이래 이러이러하다 이러한 이런 이럴정도로 이렇게되면 "
     "이렇게말하자면 이렇구나 이르기까지 이리하여 이만큼 이번 "
     "이봐 이상 이어서 이었다 이와같다면 이외에도 이용하여 "
     "이유만으로 이젠 이지만 이쪽 이천구 이천육 이천칠 이천팔 인젠 "
     "일 일것이다 일곱 일단 일때 일반적으로 일지라도 입각하여 "
     "입장에서 잇따라 있다 자 자기 자기집 자마자 자신 잠깐 잠시 저 "
     "저것 저것만큼 저기 저쪽 저희 전부 전자 전후 제 제각기 "
     "제외하고 조금 조차 조차도 졸졸 좀 좋아 좍좍 주룩주룩 "
     "줄은모른다 중에서 중의하나 즈음하여 즉 즉시 지든지 지만 "
     "지말고 진짜로 쪽으로 차라리 참 참나 첫번째로 쳇 총적으로 칠 "
     "콸콸 쾅쾅 쿵 타다 타인 탕탕 토하다 통하여 툭 퉤 틈타 팍 팔 퍽 "
     "펄렁 하 하게될것이다 하게하다 하겠는가 하고있었다 "
     "하곤하였다 하구나 하기는한데 하기보다는 하기에 하나 하느니 "
     "하는것도 하는바 하더라도 하도다 하도록시키다 하도록하다 "
     "하든지 하려고하다 하마터면 하면된다 하면서 하물며 하여금 "
     "하여야 하자마자 하지마 하지마라 하지만 하하 한다면 한데 "
     "한마디 한적이있다 한켠으로는 한항목 할때 할만하다 할망정 "
     "할뿐 할수있다 할수있어 할줄알다 할지라도 할지언정 함께 "
     "해도된다 해도좋다 해봐요 해야한다 해요 했어요 향하다 향하여 "
     "향해서 허 허걱 허허 헉 헉헉 헐떡헐떡 혹시 혹은 혼자 훨씬 휘익 "
     "휴 흐흐 흥 힘입어 ︿ ～ ￥"},
    {"no",
     "alle at av bare begge ble blei bli blir blitt både båe da de deg dei deim deira "
     "deires dem den denne der dere deres det dette di din disse ditt du dykk dykkar då eg "
     "ein eit eitt eller elles en enn er et ett etter for fordi fra før ha hadde han hans "
     "har hennar henne hennes her hjå ho hoe honom hoss hossen hun hva hvem hver hvilke "
     "hvilken hvis hvor hvordan hvorfor i ikke ikkje ingen ingi inkje inn inni ja jeg kan "
     "kom korleis korso kun kunne kva kvar kvarhelst kven kvi kvifor man mange me med medan "
     "meg meget mellom men mi min mine mitt mot mykje ned no noe noen noka noko nokon nokor "
     "nokre nå når og også om opp oss over på samme seg selv si sia sidan siden sin sine "
     "sitt sjøl skal skulle slik so som somme somt så sånn til um upp ut uten var vart "
     "varte ved vere verte vi vil ville vore vors vort vår være vært å"},
    {"pt",
     "a ao aos aquela aquelas aquele aqueles aquilo as até com como da das de dela delas "
     "dele deles depois do dos e ela elas ele eles em entre era eram essa essas esse esses "
     "esta estamos estas estava estavam este esteja estejam estejamos estes esteve estive "
     "estivemos estiver estivera estiveram estiverem estivermos estivesse estivessem "
     "estivéramos estivéssemos estou está estávamos estão eu foi fomos for fora foram "
     "forem formos fosse fossem fui fôramos fôssemos haja hajam hajamos havemos hei houve "
     "houvemos houver houvera houveram houverei houverem houveremos houveria houveriam "
     "houvermos houverá houverão houveríamos houvesse houvessem houvéramos houvéssemos "
     "há hão isso isto já lhe lhes mais mas me mesmo meu meus minha minhas muito na nas "
     "nem no nos nossa nossas nosso nossos num numa não nós o os ou para pela pelas pelo "
     "pelos por qual quando que quem se seja sejam sejamos sem serei seremos seria seriam "
     "será serão seríamos seu seus somos sou sua suas são só também te tem temos tenha "
     "tenham tenhamos tenho terei teremos teria teriam terá terão teríamos teu teus teve "
     "tinha tinham tive tivemos tiver tivera tiveram tiverem tivermos tivesse tivessem "
     "tivéramos tivéssemos tu tua tuas tém tínhamos um uma você vocês vos à às "
     "éramos"},
    {"ro",
     "acea aceasta această aceea acei aceia acel acela acele acelea acest acesta aceste "
     "acestea aceşti aceştia acolo acord acum ai aia aibă aici al ale alea altceva "
     "altcineva am ar are asemenea asta astea astăzi asupra au avea avem aveţi azi aş "
     "aşadar aţi bine bucur bună ca care caut ce cel ceva chiar cinci cine cineva contra "
     "cu cum cumva curând curînd când cât câte câtva câţi cînd cît cîte cîtva "
     "cîţi că căci cărei căror cărui către da dacă dar datorită dată dau de deci "
     "deja deoarece departe deşi din dinaintea dintr- dintre doi doilea două drept după "
     "dă ea ei el ele eram este eu eşti face fata fi fie fiecare fii fim fiu fiţi frumos "
     "fără graţie halbă iar ieri la le li lor lui lângă lîngă mai mea mei mele mereu "
     "meu mi mie mine mult multă mulţi mulţumesc mâine mîine mă ne nevoie nici "
     "nicăieri nimeni nimeri nimic nişte noastre noastră noi noroc nostru nouă noştri "
     "nu opt ori oricare orice oricine oricum oricând oricât oricînd oricît oriunde "
     "patra patru patrulea pe pentru peste pic poate pot prea prima primul prin printr- "
     "puţin puţina puţină până pînă rog sa sale sau se spate spre sub sunt suntem "
     "sunteţi sută sînt sîntem sînteţi să săi său ta tale te timp tine toate toată "
     "tot totuşi toţi trei treia treilea tu tăi tău un una unde undeva unei uneia unele "
     "uneori unii unor unora unu unui unuia unul vi voastre voastră voi vostru vouă "
     "voştri vreme vreo vreun vă zece zero zi zice îi îl îmi împotriva în înainte "
     "înaintea încotro încât încît între întrucât întrucît îţi ăla ălea ăsta "
     "ăstea ăştia şapte şase şi ştiu ţi ţie"},
    {"ru",
     "а без более больше будет будто бы был была были "
     "было быть в вам вас вдруг ведь во вот впрочем "
     "все всегда всего всех всю вы где да даже два для "
     "до другой его ее ей ему если есть еще ж же за "
     "зачем здесь и из или им иногда их к как какая "
     "какой когда конечно кто куда ли лучше между "
     "меня мне много может можно мой моя мы на над "
     "надо наконец нас не него нее ней нельзя нет ни "
     "нибудь никогда ним них ничего но ну о об один он "
     "она они опять от перед по под после потом "
     "потому почти при про раз разве с сам свою себе "
     "себя сейчас со совсем так такой там тебя тем "
     "теперь то тогда того тоже только том тот три "
     "тут ты у уж уже хорошо хоть чего чем через что "
     "чтоб чтобы чуть эти этого этой этом этот эту я"},
    {"sv",
     "alla allt att av blev bli blir blivit de dem den denna deras dess dessa det detta dig "
     "din dina ditt du där då efter ej eller en er era ert ett från för ha hade han hans "
     "har henne hennes hon honom hur här i icke ingen inom inte jag ju kan kunde man med "
     "mellan men mig min mina mitt mot mycket ni nu när någon något några och om oss på "
     "samma sedan sig sin sina sitta själv skulle som så sådan sådana sådant till under "
     "upp ut utan vad var vara varför varit varje vars vart vem vi vid vilka vilkas vilken "
     "vilket vår våra vårt än är åt över"},
    {"tr",
     "acaba ama aslında az bazı belki biri birkaç birşey biz bu da daha de defa diye en "
     "eğer gibi hem hep hepsi her hiç ile ise için kez ki kim mu mü mı nasıl ne neden "
     "nerde nerede nereye niye niçin o sanki siz tüm ve veya ya yani çok çünkü şey "
     "şu"},
};
// clang-format on

}  // namespace

std::string_view stop_words_of(std::string_view code) {
  for (const auto& [language, words] : lists)
    if (language == code) return words;
  return {};
}

}  // namespace weir::text
